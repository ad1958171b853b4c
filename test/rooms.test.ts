// The rules of CONVENTIONS.md that a program can check, over src/.
// Formatting and lint are Biome's.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { at } from './support/oracle.js';

const root = new URL('..', import.meta.url).pathname;

interface SourceFile {
  /** Path below src/, without `.ts`. */
  readonly room: string;
  readonly lines: readonly string[];
  readonly tree: ts.SourceFile;
}

const files: readonly SourceFile[] = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => {
    const text = readFileSync(join(root, 'src', name), 'utf8');
    const tree = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true);
    // A command opens with the line that names its interpreter.
    const lines = text
      .trimEnd()
      .replace(/^#!.*\n/, '')
      .split('\n');
    return { room: name.replace(/\.ts$/, ''), lines, tree };
  });

function each(tree: ts.Node, visit: (node: ts.Node) => void): void {
  visit(tree);
  ts.forEachChild(tree, (child) => each(child, visit));
}

const lineOf = (node: ts.Node) => node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1;
const linesOf = (node: ts.Node) => node.getText().split('\n').length;

/** Where the imports of one file lead, those of types included. */
function allImports({ tree }: SourceFile): string[] {
  const found: string[] = [];
  each(tree, (node) => {
    const from = ts.isImportDeclaration(node) || ts.isExportDeclaration(node) ? node.moduleSpecifier : undefined;
    const of = ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) ? node.argument.literal : from;
    const called = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
    const text = called ? node.arguments[0] : of;
    if (text !== undefined && ts.isStringLiteral(text)) found.push(text.text);
  });
  return found;
}

/** The files in src/ that one of them imports. */
function neighboursOf(file: SourceFile): string[] {
  return allImports(file)
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(file.room), name).replace(/\.js$/, ''));
}

/** Imports of one file that exist at run time. */
function runtimeImports({ tree }: SourceFile): string[] {
  return tree.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    const clause = ts.isImportDeclaration(statement) ? statement.importClause : undefined;
    const isType = ts.isExportDeclaration(statement) ? statement.isTypeOnly : clause?.phaseModifier !== undefined;
    const names = clause?.namedBindings;
    const onlyTypes =
      names !== undefined && ts.isNamedImports(names) && names.elements.every((name) => name.isTypeOnly);
    const { moduleSpecifier } = statement;
    if (isType || onlyTypes || moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return [];
    return [moduleSpecifier.text];
  });
}

// index → callback → ema and its layers → engine → engine-js, engine-native → engine-contract → tfjs, native → errors: a file imports
// from lower ranks. Files that stand in no rank are single capabilities between ema and engine, or used by them.
const RANKS: readonly RegExp[] = [
  /^errors$/,
  /^(tfjs|native)$/,
  /^engine-contract$/,
  /^engine-(js|native)$/,
  /^engine$/,
  /^ema-facts$/,
  /^ema-choice$/,
  /^ema-averages$/,
  /^ema-diagnosis$/,
  /^ema-files$/,
  /^ema$/,
  /^callback$/,
  /^index$/,
];
const rankOf = (room: string) => RANKS.findIndex((pattern) => pattern.test(room));

describe.each(files.map((file) => [file.room, file] as const))('src/%s.ts', (room, file) => {
  it('opens with two comment lines', () => {
    for (const line of file.lines.slice(0, 2)) expect(line).toMatch(/^\/\/ \S/);
    expect(file.lines[2]).not.toMatch(/^\/\/ /);
  });

  it('has fewer than 300 lines, and functions fewer than 40', () => {
    expect(file.lines.length).toBeLessThan(300);
    each(file.tree, (node) => {
      if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
      // A function that defines a class is as long as the class: the methods count.
      let definesClass = false;
      each(node, (inner) => {
        definesClass ||= ts.isClassLike(inner);
      });
      if (!definesClass && linesOf(node) >= 40) expect.fail(`line ${lineOf(node)}: ${linesOf(node)} lines`);
    });
  });

  it('imports tfjs as types only', () => {
    for (const name of runtimeImports(file)) expect(name).not.toMatch(/^@tensorflow/);
  });

  it('imports down the layers only', () => {
    const rank = rankOf(room);
    for (const target of neighboursOf(file)) {
      if (rank === -1 || rankOf(target) === -1) continue;
      expect(rankOf(target), `${room} imports ${target}`).toBeLessThan(rank);
    }
  });

  it('says nothing of any, and casts only where foreign values come in', () => {
    const mayCast = /^(tfjs|native|compat|cli\/.*)$/.test(room);
    each(file.tree, (node) => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) expect.fail(`line ${lineOf(node)}: any`);
      const isConst = ts.isAsExpression(node) && node.type.getText() === 'const';
      if (ts.isAsExpression(node) && !isConst && !mayCast) expect.fail(`line ${lineOf(node)}: a cast`);
    });
  });

  it('has at most three positional parameters', () => {
    each(file.tree, (node) => {
      // A signature without a body is another's. `invalid` is the one sentence of every error: name, expected, received, way out.
      if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
      const isSentence = room === 'argument' && node.name?.getText() === 'invalid';
      if (node.parameters.length > 3 && !isSentence) expect.fail(`line ${lineOf(node)}: too many parameters`);
    });
  });

  it('documents every exported name, and exports no default', () => {
    for (const statement of file.tree.statements) {
      if (ts.isExportAssignment(statement)) expect.fail('a default export');
      const isExported =
        ts.canHaveModifiers(statement) &&
        ts.getModifiers(statement)?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword);
      if (isExported && ts.getJSDocCommentsAndTags(statement).length === 0) {
        expect.fail(`line ${lineOf(statement)}: no TSDoc`);
      }
    }
  });

  it('prints nothing', () => {
    each(file.tree, (node) => {
      const isConsole = ts.isIdentifier(node) && node.text === 'console' && !room.startsWith('cli/');
      if (isConsole) expect.fail(`line ${lineOf(node)}: console`);
    });
  });

  it('has a kebab-case name and a test of the same name, or is tested through a contract', () => {
    expect(room).toMatch(/^[a-z/]+(-[a-z]+)*$/);
    const tested: Readonly<Record<string, string>> = {
      index: 'types',
      'engine-contract': 'engine.contract',
      'engine-js': 'engine.contract',
      'engine-native': 'engine.contract',
      'safetensors-header': 'safetensors',
      'callback-members': 'callback',
      'callback-options': 'options',
      'checkpoint-bests': 'checkpoint',
      'ema-averages': 'ema',
      'report-charts': 'report',
      'report-data': 'report',
      'report-render': 'report',
      'report-table': 'report',
      'ema-choice': 'best',
      'ema-diagnosis': 'diagnostics',
      'ema-files': 'checkpoint',
      'validation-batches': 'validation',
      'validation-data': 'options',
      'validation-meter': 'validation',
    };
    // The commands are tested as a whole: test/doctor.test.ts and its like.
    if (room.startsWith('cli/')) return;
    expect(existsSync(join(root, 'test', `${tested[room] ?? room}.test.ts`))).toBe(true);
  });
});

describe('src/', () => {
  it('has no circle of imports, those of types included', () => {
    const neighbours = new Map(files.map((file) => [file.room, neighboursOf(file)]));
    const done = new Set<string>();
    const visit = (room: string, path: readonly string[]): void => {
      if (path.includes(room)) expect.fail([...path.slice(path.indexOf(room)), room].join(' → '));
      if (done.has(room)) return;
      for (const next of neighbours.get(room) ?? []) visit(next, [...path, room]);
      done.add(room);
    };
    for (const room of neighbours.keys()) visit(room, []);
    // Every import was followed to a file.
    const unknown = [...neighbours.values()].flat().filter((room) => !neighbours.has(room));
    expect(new Set(unknown)).toEqual(new Set(['../binding']));
  });
});

describe('src/index.ts', () => {
  it('holds export statements only', () => {
    const index = at(
      files.filter(({ room }) => room === 'index'),
      0,
    );
    for (const statement of index.tree.statements) expect(ts.isExportDeclaration(statement)).toBe(true);
  });
});
