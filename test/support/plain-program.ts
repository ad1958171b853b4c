// A program of the tests as plain JavaScript in a folder of its own, with all that it imports of this repository: it starts at once.
// Starts nothing, and knows no program.

import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));
const COMPILER = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };

/**
 * Translates a program and the modules that it imports by relative paths, types left out; packages are found where they are installed.
 * @param program path below the repository's root, such as `test/durability/kill/writer.ts`.
 * @param folder an empty one, which takes the same layout.
 * @returns the path to start with node.
 */
export async function plainProgram(program: string, folder: string): Promise<string> {
  await cp(join(root, 'package.json'), join(folder, 'package.json'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const names = [program];
  for (const name of names) {
    const { outputText } = ts.transpileModule(await readFile(join(root, name), 'utf8'), { compilerOptions: COMPILER });
    const target = join(folder, name.replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, outputText);
    for (const { fileName } of ts.preProcessFile(outputText).importedFiles) {
      const imported = relative(root, join(root, dirname(name), fileName.replace(/\.js$/, '.ts')));
      if (fileName.startsWith('.') && !names.includes(imported)) names.push(imported);
    }
  }
  return join(folder, program.replace(/\.ts$/, '.js'));
}
