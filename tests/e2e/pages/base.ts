// A test that fails when the page logs an error, or asks for anything that is not its own.
import { test as base, expect } from "@playwright/test";

export const test = base.extend<{ calm: void }>({
  calm: [
    async ({ page, baseURL }, use) => {
      const wrong: string[] = [];
      page.on("pageerror", (error) => wrong.push(`uncaught: ${error.message}`));
      page.on("console", (message) => {
        if (message.type() === "error") wrong.push(`console: ${message.text()}`);
      });
      page.on("request", (request) => {
        const url = request.url();
        if (!url.startsWith(baseURL!) && !/^(data|blob):/.test(url)) wrong.push(`asked for ${url}`);
      });
      await use();
      expect(wrong, "errors and foreign requests of the page").toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };
