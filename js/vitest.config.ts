import { defineConfig } from "vitest/config";

export default defineConfig({
  // A machine that does much else is slow: a test's time is no verdict, only its end is.
  test: { include: ["src/**/*.test.ts"], environment: "node", testTimeout: 60_000 },
});
