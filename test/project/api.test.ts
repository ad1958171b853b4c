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

describe('the public surface', () => {
  it('is what api.txt says', () => {
    const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
      exports: Record<string, { types: string } | string>;
    };
    const text = Object.entries(exports)
      .flatMap(([name, target]) => (typeof target === 'string' ? [] : [[name, target.types] as const]))
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
