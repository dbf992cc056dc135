#!/usr/bin/env node
// The command line: in a clone it runs the sources, in an installed package the compiled files.
import { existsSync } from "node:fs"

if (Number(process.versions.node.split(".")[0]) < 22) {
  process.stderr.write(
    `Node ${process.versions.node} is too old, 22.19 or newer is needed. In a clone, npx nexus and npm start bring it.\n`
  )
  process.exit(1)
}

const source = new URL("../src/main.ts", import.meta.url)
await import(existsSync(source) ? source.href : new URL("../dist/src/main.js", import.meta.url).href)
