import { defineConfig } from "vitest/config"

export default defineConfig({
  resolve: { conditions: ["nexus-source"] },
  ssr: { resolve: { conditions: ["nexus-source"] } },
  test: {
    globalSetup: "test/support/PostgresServer.ts",
    include: ["test/**/*.test.ts"],
    exclude: ["test/faults/full/**", "test/bench/**"],
    reporters: ["default", "./test/support/CountReporter.ts"],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2
  }
})
