import { defineConfig } from "@playwright/test";

// `cargo xtask e2e` builds and serves the page and says where it and the browser are.
const { BASE_URL, CHROME } = process.env;
if (!BASE_URL || !CHROME) {
  throw new Error("BASE_URL and CHROME are not set: start these tests with `cargo xtask e2e`.");
}

export default defineConfig({
  testDir: ".",
  outputDir: "test-results",
  fullyParallel: true,
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  forbidOnly: true,
  use: {
    baseURL: BASE_URL,
    viewport: { width: 1440, height: 900 },
    actionTimeout: 10_000,
    // Tests look at the page's own requests; the one about the worker lets it run.
    serviceWorkers: "block",
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: CHROME,
      // Containers run as root and have a small /dev/shm.
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
    },
  },
  projects: [
    { name: "e2e", testDir: "specs" },
    { name: "shots", testDir: "shots" , testMatch: "shots.ts" },
    { name: "frames", testDir: "frames", testMatch: "frames.ts" },
  ],
});
