import { expect, test } from "../pages/base";
import { Workbench } from "../pages/workbench";

test.describe("the challenge order-per-account", () => {
  let bench: Workbench;

  test.beforeEach(async ({ page }) => {
    bench = new Workbench(page);
    await bench.open("partitions/order-per-account");
  });

  test("without a key the check fails and says whose story broke", async () => {
    await expect(bench.goals).toHaveCount(3);
    await bench.terminal.type("@deploy bank key=none");
    await bench.check().click();
    await expect(bench.trial("fresh traffic")).toContainText(/fail/i, { timeout: 45_000 });
    await expect(bench.task).toContainText(/acc-\d: n=\d+ was applied after n=\d+/);
    await expect(bench.task).toContainText("Without a key the producer fills a batch for one partition");
    await expect(bench.task.getByRole("region", { name: "Passed" })).toHaveCount(0);
  });

  test("with the account as key every seed passes", async () => {
    await bench.terminal.type("@deploy bank key=account");
    await bench.check().click();
    await expect(bench.task.getByRole("region", { name: "Passed" })).toBeVisible({ timeout: 45_000 });
    for (const name of ["fresh traffic", "a consumer restarts"]) {
      await expect(bench.trial(name)).toContainText(/8 of 8/);
    }
  });

  test("a knob writes the line that the terminal would have taken", async () => {
    await bench.dock.getByRole("tab", { name: /^Apps/ }).click();
    await bench.knob("bank", "key").getByRole("button", { name: "account" }).click();
    await expect(bench.dock).toContainText("@deploy bank key=account");
    await bench.dock.getByRole("button", { name: "Run this line" }).click();
    await bench.dock.getByRole("tab", { name: /^Terminal/ }).first().click();
    await expect(bench.terminal.output).toContainText("deploy bank key=account");
  });

  test("what the level does not allow is refused with its reason", async () => {
    await bench.terminal.type("@deploy bank key=none acks=0");
    await expect(bench.terminal.output).toContainText(/acks/);
    await bench.terminal.type("@kill 1");
    await expect(bench.terminal.output).toContainText("@kill: this level has @sleep");
  });
});
