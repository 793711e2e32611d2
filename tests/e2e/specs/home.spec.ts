import { expect, test } from "../pages/base";
import { Home } from "../pages/home";

test("the first page lists the levels and leads into one", async ({ page }) => {
  const home = new Home(page);
  await home.open();
  await expect(home.heading).toHaveText("Kafka, running in this tab.");
  await expect(home.level("Each account's story in order")).toBeVisible();
  await home.level("Your first record").click();
  await expect(page).toHaveURL(/\/basics\/first-record\/$/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your first record");
  await page.goBack();
  await expect(home.heading).toHaveText("Kafka, running in this tab.");
});

test.describe("without scripting", () => {
  test.use({ javaScriptEnabled: false });

  test("the levels and their prose can be read", async ({ page }) => {
    await page.goto("./");
    await page.getByRole("link", { name: "Your first record" }).click();
    await expect(page).toHaveTitle("Your first record · Logbrook");
    await expect(page.getByText("A topic is a log: new records are added at its end")).toBeVisible();
    await expect(page.getByRole("listitem").filter({ hasText: "exists with 3 partitions" })).toBeVisible();
  });
});

test("an address that is no place says so and leads home", async ({ page }) => {
  const answer = await page.request.get("./basics/no-such-level/");
  expect(answer.status()).toBe(404);
  expect(await answer.text()).toContain("There is no such place");
});

test("the page works under any base path", async ({ page, baseURL }) => {
  // The same folder served under /some/repository/, as a project page of a static host would.
  const under = new URL("some/repository/", baseURL!).href;
  await page.route(`${under}**`, async (route) => {
    const answer = await route.fetch({ url: route.request().url().replace(under, baseURL!) });
    await route.fulfill({ response: answer });
  });
  await page.route(
    (url) => url.href.startsWith(baseURL!) && !url.href.startsWith(under),
    (route) => route.abort(),
  );
  await page.goto(`${under}basics/first-record/`);
  await expect(page.locator("html")).toHaveAttribute("data-ready", "true");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your first record");
});
