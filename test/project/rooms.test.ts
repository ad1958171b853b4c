// The rules of CONVENTIONS.md that a program can check: over src/, and of imports over all programs.
// Formatting and lint are Biome's.

import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { at } from '../support/oracle.js';

const root = new URL('../..', import.meta.url).pathname;

interface SourceFile {
  /** Path below src/ (of other programs: below the root), without its ending. */
  readonly room: string;
  readonly lines: readonly string[];
  readonly tree: ts.SourceFile;
}

const files: readonly SourceFile[] = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readSource('src', name))
  .map((file) => ({ ...file, room: file.room.replace(/^src\//, '') }));

function readSource(house: string, name: string): SourceFile {
  const text = readFileSync(join(root, house, name), 'utf8');
  const tree = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true);
  // A command opens with the line that names its interpreter.
  const lines = text
    .trimEnd()
    .replace(/^#!.*\n/, '')
    .split('\n');
  return { room: `${house}/${name.replace(/\.(ts|mjs|cjs)$/, '')}`, lines, tree };
}

function each(tree: ts.Node, visit: (node: ts.Node) => void): void {
  visit(tree);
  ts.forEachChild(tree, (child) => each(child, visit));
}

const isExported = (node: ts.Node) =>
  ts.canHaveModifiers(node) &&
  ts.getModifiers(node)?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) === true;
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

// The house: a folder imports from those before it, never from one of its own row or a later one.
const LEVELS: readonly (readonly string[])[] = [
  ['base'],
  ['schedule', 'tfjs'],
  ['engine', 'model', 'validation'],
  ['averages', 'diagnosis', 'options'],
  ['callback', 'disk', 'merge', 'report', 'search'],
  ['ema'],
  ['.'],
  ['cli'],
];
/** The longest chain of imports that a reader may have to follow. */
const LONGEST_CHAIN = 19;

const folderOf = (room: string) => posix.dirname(room).split('/')[0] ?? '.';
const levelOf = (folder: string) => LEVELS.findIndex((level) => level.includes(folder));

describe.each(files.map((file) => [file.room, file] as const))('src/%s.ts', (room, file) => {
  it('opens with two comment lines', () => {
    for (const line of file.lines.slice(0, 2)) expect(line).toMatch(/^\/\/ \S/);
    expect(file.lines[2]).not.toMatch(/^\/\/ /);
  });

  it('has at most 250 lines of code, and functions fewer than 40 lines', () => {
    // Documentation does not count: it is the manual.
    const isCode = (line: string) => !/^\s*(\/\/|\/\*|\*|$)/.test(line);
    // The one public class is a method per name: it is as long as the surface is wide.
    const most = room === 'ema/weight-ema' ? 300 : 250;
    expect(file.lines.filter(isCode).length).toBeLessThanOrEqual(most);
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

  it('imports from its own folder and from lower levels', () => {
    const folder = folderOf(room);
    expect(levelOf(folder), `src/${folder}/ has no level`).toBeGreaterThanOrEqual(0);
    for (const target of neighboursOf(file)) {
      // The first is the contract of the compiled addon.
      if (target === '../binding' || folderOf(target) === folder) continue;
      expect(levelOf(folderOf(target)), `${room} imports ${target}`).toBeLessThan(levelOf(folder));
    }
  });

  it('says nothing of any, and casts only where foreign values come in', () => {
    const mayCast = /^(tfjs\/.*|engine\/addon|compat|cli\/.*)$/.test(room);
    each(file.tree, (node) => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) expect.fail(`line ${lineOf(node)}: any`);
      const isConst = ts.isAsExpression(node) && node.type.getText() === 'const';
      if (ts.isAsExpression(node) && !isConst && !mayCast) expect.fail(`line ${lineOf(node)}: a cast`);
    });
  });

  it('exports functions of at most three positional parameters', () => {
    each(file.tree, (node) => {
      // A signature without a body is another's. `invalid` is the one sentence of every error: name, expected, received, fix.
      if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
      const isOwn = ts.isFunctionDeclaration(node) && !isExported(node);
      if (isOwn) return;
      const isSentence = room === 'base/argument' && node.name?.getText() === 'invalid';
      if (node.parameters.length > 3 && !isSentence) expect.fail(`line ${lineOf(node)}: too many parameters`);
    });
  });

  it('documents every exported name, and exports no default', () => {
    for (const statement of file.tree.statements) {
      if (ts.isExportAssignment(statement)) expect.fail('a default export');
      if (isExported(statement) && ts.getJSDocCommentsAndTags(statement).length === 0) {
        expect.fail(`line ${lineOf(statement)}: no TSDoc`);
      }
    }
  });

  it('prints nothing, but for the command and the warnings of a page', () => {
    if (room.startsWith('cli/') || room === 'base/warnings') return;
    each(file.tree, (node) => {
      const isConsole = ts.isIdentifier(node) && node.text === 'console';
      if (isConsole) expect.fail(`line ${lineOf(node)}: console`);
    });
  });

  it('has a kebab-case name', () => {
    expect(room).toMatch(/^[a-z/]+(-[a-z]+)*$/);
  });
});

/** The longest way from `start`; fails on a circle. */
function longest(
  graph: ReadonlyMap<string, readonly string[]>,
  start: string,
  known = new Map<string, number>(),
): number {
  const visit = (node: string, path: readonly string[]): number => {
    if (path.includes(node)) expect.fail(`a circle: ${[...path.slice(path.indexOf(node)), node].join(' → ')}`);
    const found = known.get(node);
    if (found !== undefined) return found;
    const length = 1 + Math.max(0, ...(graph.get(node) ?? []).map((next) => visit(next, [...path, node])));
    known.set(node, length);
    return length;
  };
  return visit(start, []);
}

describe('src/', () => {
  it('has no circle of imports, those of types included, and no chain that is too long', () => {
    const graph = new Map(files.map((file) => [file.room, neighboursOf(file)]));
    const known = new Map<string, number>();
    for (const room of graph.keys()) expect(longest(graph, room, known), room).toBeLessThanOrEqual(LONGEST_CHAIN);
    // Every import was followed to a file.
    const unknown = [...graph.values()].flat().filter((room) => !graph.has(room));
    expect(new Set(unknown)).toEqual(new Set(['../binding']));
  });

  it('has a file of its own for each entry of the package, and no level without a folder', () => {
    const entries = readdirSync(join(root, 'src'), { withFileTypes: true });
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const paths = Object.keys(exports).filter((path) => path !== './package.json');
    const names = paths.map((path) => `${path === '.' ? 'index' : path.slice(2)}.ts`);
    expect(entries.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual(names.sort());
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    expect([...folders, '.'].sort()).toEqual(LEVELS.flat().sort());
  });
});

// Of two top folders the later one may import the earlier; tests may import all.
const HOUSES: readonly string[] = ['src', 'tools', 'bench', 'study', 'site'];

describe('the repository', () => {
  const programs: readonly SourceFile[] = HOUSES.flatMap((house) =>
    readdirSync(join(root, house), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|mjs|cjs)$/.test(name) && !/\.d\.m?ts$/.test(name))
      .map((name) => readSource(house, name)),
  );
  const graph = new Map(programs.map((file) => [file.room, programsBeside(file)]));

  /** Files that one of them imports, by path from the root, without their ending. */
  function programsBeside(file: SourceFile): string[] {
    return allImports(file)
      .filter((name) => name.startsWith('.'))
      .map((name) => posix.join(posix.dirname(file.room), name).replace(/\.(m|c)?js$/, ''))
      .filter((name) => HOUSES.includes(name.split('/')[0] ?? ''));
  }

  it('has no circle among files, nor among folders', () => {
    for (const room of graph.keys()) longest(graph, room);
    const folders = new Map<string, string[]>();
    for (const [room, targets] of graph) {
      const folder = posix.dirname(room);
      const others = targets.map((target) => posix.dirname(target)).filter((other) => other !== folder);
      folders.set(folder, [...(folders.get(folder) ?? []), ...others]);
    }
    const known = new Map<string, number>();
    for (const folder of folders.keys()) longest(folders, folder, known);
  });

  it('lets src, tools, bench, study and site import in this order only', () => {
    const houseOf = (room: string) => HOUSES.indexOf(room.split('/')[0] ?? '');
    for (const [room, targets] of graph) {
      for (const target of targets)
        expect(houseOf(target), `${room} imports ${target}`).toBeLessThanOrEqual(houseOf(room));
    }
    const isBeside = (room: string, target: string) => room.startsWith('study/') && target.startsWith('bench/');
    for (const [room, targets] of graph) expect(targets.filter((target) => isBeside(room, target))).toEqual([]);
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
