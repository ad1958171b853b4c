// The public surface: every name of every entry, with its members and their types, held against api.txt.
// Judges no design: `UPDATE_API=1 npx vitest run test/project/api.test.ts` accepts a change.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const snapshot = fileURLToPath(new URL('api.txt', import.meta.url));

/** One line a member, sorted: the same text wherever the declarations stand. */
function surfaceOf(entry: string): string[] {
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram([`${root}${entry}`], options);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(`${root}${entry}`);
  const module = source && checker.getSymbolAtLocation(source);
  if (source === undefined || module === undefined) return [];
  const flags =
    ts.TypeFormatFlags.NoTruncation |
    ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope |
    ts.TypeFormatFlags.InTypeAlias;
  // The checker writes the parts of a union in the order in which it met them.
  const inOrder = (text: string) =>
    text
      .replace(/import\("[^"]*"\)\./g, '')
      .replace(/[\w."'`<>[\]${}-]+(?: \| [\w."'`<>[\]${}-]+)+/g, (union) => union.split(' | ').sort().join(' | '));
  const textOf = (type: ts.Type) => inOrder(checker.typeToString(type, undefined, flags));
  const isHidden = (symbol: ts.Symbol) =>
    symbol.getJsDocTags().some(({ name }) => name === 'internal') ||
    symbol.declarations?.some(
      (node) => (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.NonPublicAccessibilityModifier) !== 0,
    ) === true ||
    symbol.name.startsWith('#') ||
    symbol.name.startsWith('__@');
  const lines: string[] = [];
  for (const exported of checker.getExportsOfModule(module)) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const isType = (symbol.flags & ts.SymbolFlags.Type) !== 0;
    const declared = isType
      ? checker.getDeclaredTypeOfSymbol(symbol)
      : checker.getTypeOfSymbolAtLocation(symbol, source);
    const isObject =
      isType &&
      declared.getProperties().length > 0 &&
      (declared.flags & ts.TypeFlags.Object) !== 0 &&
      declared.getCallSignatures().length === 0;
    if (!isObject) {
      lines.push(`${exported.name}: ${textOf(declared)}`);
      continue;
    }
    lines.push(exported.name);
    for (const member of declared.getProperties()) {
      if (isHidden(member)) continue;
      const type = checker.getTypeOfSymbolAtLocation(member, source);
      const isOptional = (member.flags & ts.SymbolFlags.Optional) !== 0;
      lines.push(`${exported.name}.${member.name}${isOptional ? '?' : ''}: ${textOf(type)}`);
    }
    if ((symbol.flags & ts.SymbolFlags.Class) !== 0) {
      for (const signature of checker.getTypeOfSymbolAtLocation(symbol, source).getConstructSignatures()) {
        const parameters = signature.getDeclaration()?.parameters.map((parameter) => parameter.getText()) ?? [];
        lines.push(`new ${exported.name}(${parameters.join(', ').replace(/\s+/g, ' ')})`);
      }
    }
  }
  return lines.sort();
}

/** The types that declarations name, outside of what is private, by the file that declares them. */
function namedIn(declaration: ts.Node, checker: ts.TypeChecker): ts.Symbol[] {
  const found: ts.Symbol[] = [];
  const visit = (node: ts.Node): void => {
    const isPrivate =
      ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
    if (isPrivate === true) return;
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : ts.isTypeQueryNode(node)
          ? node.exprName
          : ts.isImportTypeNode(node)
            ? node.qualifier
            : undefined;
    const symbol = name && checker.getSymbolAtLocation(name);
    if (symbol !== undefined)
      found.push(symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
    ts.forEachChild(node, visit);
  };
  visit(declaration);
  return found;
}

/** Asks for the classes and types that the declarations of some entries name, and that none of these exports. */
function unexportedOf(entries: readonly string[]): (some: readonly string[]) => string[] {
  // As they are published: comments that say `@internal` take their members along.
  const { config } = ts.readConfigFile(`${root}tsconfig.build.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const sources = entries.map((types) => `${root}${types.replace('./dist/', 'src/').replace('.d.ts', '.ts')}`);
  const declarations = new Map<string, string>();
  ts.createProgram(sources, { ...options, emitDeclarationOnly: true, declarationMap: false, sourceMap: false }).emit(
    undefined,
    (name, text) => void declarations.set(name, text),
  );
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, directoryExists } = host;
  host.directoryExists = (name) => name.startsWith(`${root}dist`) || directoryExists?.(name) === true;
  host.fileExists = (name) => declarations.has(name) || fileExists(name);
  host.readFile = (name) => declarations.get(name) ?? readFile(name);
  const distOf = (types: string): string => `${root}${types.slice(2)}`;
  const program = ts.createProgram(entries.map(distOf), { ...options, noEmit: true }, host);
  const checker = program.getTypeChecker();
  const exportsOf = (types: string): ts.Symbol[] => {
    const source = program.getSourceFile(distOf(types));
    const module = source && checker.getSymbolAtLocation(source);
    const symbols = module === undefined ? [] : checker.getExportsOfModule(module);
    return symbols.map((one) => (one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one));
  };
  const isOurs = ({ declarations: places }: ts.Symbol): boolean =>
    places?.some((place) => declarations.has(place.getSourceFile().fileName)) === true;
  const isParameter = ({ flags }: ts.Symbol): boolean => (flags & ts.SymbolFlags.TypeParameter) !== 0;
  return (some) => {
    const exported = new Set(some.flatMap(exportsOf));
    const named = [...exported].flatMap(({ declarations: places = [] }) =>
      places.flatMap((place) => namedIn(place, checker)),
    );
    const hidden = named.filter((symbol) => isOurs(symbol) && !isParameter(symbol) && !exported.has(symbol));
    return [...new Set(hidden.map(({ name, flags }) => (flags & ts.SymbolFlags.Class ? `class ${name}` : name)))];
  };
}

describe('the public surface', () => {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
    exports: Record<string, { types: string } | string>;
  };
  const entries = Object.entries(exports).flatMap(([name, target]) =>
    typeof target === 'string' ? [] : [[name, target.types] as const],
  );

  it('names nothing in its declarations that it does not export', () => {
    const all = entries.map(([, types]) => types);
    const unexported = unexportedOf(all);
    expect(unexported(all)).toEqual([]);
    // Alone it would: otherwise the line above would show nothing.
    expect(unexported(all.filter((types) => types.includes('tensorboard')))).toEqual(['class WeightEma', 'Tfjs']);
  });

  it('is what api.txt says', () => {
    const text = entries
      .map(([name, types]) => {
        const lines = surfaceOf(types.replace('./dist/', 'src/').replace('.d.ts', '.ts'));
        return [`# ${name.replace('.', 'tfjs-ema')}`, ...lines].join('\n');
      })
      .join('\n\n')
      .concat('\n');
    if (process.env['UPDATE_API'] !== undefined) writeFileSync(snapshot, text);
    expect(text).toBe(readFileSync(snapshot, 'utf8'));
  });
});
