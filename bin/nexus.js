#!/usr/bin/env node
// The command line: in a clone it runs the sources, in an installed package the compiled files.
import { existsSync } from "node:fs"
import module from "node:module"

if (Number(process.versions.node.split(".")[0]) < 22) {
  process.stderr.write(
    `Node ${process.versions.node} is too old, 22.19 or newer is needed. In a clone, npx nexus and npm start bring it.\n`
  )
  process.exit(1)
}

const source = new URL("../src/main.ts", import.meta.url)
const isClone = existsSync(source)
if (isClone) {
  // Plugins import this package by its name, as outside plugins do; in a clone that name means the sources.
  module.registerHooks({
    resolve: (name, context, next) => next(name, { ...context, conditions: [...context.conditions, "nexus-source"] })
  })
}
await import(isClone ? source.href : new URL("../dist/src/main.js", import.meta.url).href)
