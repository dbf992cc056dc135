import type { Reporter, TestModule } from "vitest/node"

/** Ends the run with its count on a line of its own, for whoever reads only the last line. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>) {
    const tests = modules.flatMap((module) => Array.from(module.children.allTests()))
    const passed = tests.filter((test) => test.result().state === "passed").length
    const failed = tests.filter((test) => test.result().state === "failed").length
    const broken = modules.filter((module) => module.state() === "failed" && module.errors().length > 0).length
    process.stdout.write(`${passed} passed, ${failed + broken} failed\n`)
  }
}
