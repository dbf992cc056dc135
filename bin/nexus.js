#!/usr/bin/env node
// The command line: in a clone it runs the sources, in an installed package the compiled files.
import { existsSync } from "node:fs"

const source = new URL("../src/main.ts", import.meta.url)
await import(existsSync(source) ? source.href : new URL("../dist/src/main.js", import.meta.url).href)
