import { expect, type Locator, type Page } from "@playwright/test";
import { Terminal } from "./terminal";

/** Waits until the engine has taken over the prerendered page. */
export async function ready(page: Page) {
  await expect(page.locator("html")).toHaveAttribute("data-ready", "true");
}

/** A level, played. */
export class Workbench {
  readonly task: Locator;
  readonly stage: Locator;
  readonly inspector: Locator;
  readonly timeline: Locator;
  readonly dock: Locator;
  readonly goals: Locator;
  readonly terminal: Terminal;

  constructor(readonly page: Page) {
    this.task = page.getByRole("region", { name: "Task", exact: true });
    this.stage = page.getByRole("region", { name: "Cluster", exact: true });
    this.inspector = page.getByRole("complementary", { name: "Inspector" });
    this.timeline = page.getByRole("region", { name: "Timeline", exact: true });
    this.dock = page.getByRole("region", { name: "Terminal", exact: true });
    this.goals = this.task.getByRole("list", { name: "Goals" }).getByRole("listitem");
    this.terminal = new Terminal(page, this.dock);
  }

  async open(place: string) {
    await this.page.goto(`./${place}/`);
    await ready(this.page);
  }

  /** The goal whose sentence holds `text`. */
  goal(text: string | RegExp): Locator {
    return this.goals.filter({ hasText: text });
  }

  async expectGoals(words: string[]) {
    await expect(this.goals).toHaveText(words.map((word) => new RegExp(`^\\s*${word}`)));
  }

  /** The button of a ```run block. */
  block(label: string): Locator {
    return this.task.getByRole("button", { name: new RegExp(`^Run.*\\b${label}`) });
  }

  /** Answers a question. Where a block reveals the answer, it runs by the same button. */
  async answer(question: RegExp, option: string) {
    const group = this.task.getByRole("group", { name: question });
    await group.getByRole("radio", { name: option, exact: true }).check();
    await this.task.getByRole("button", { name: /^(Run and see|Answer)$/, disabled: false }).first().click();
    await expect(group, "an answer is locked").toHaveCount(0);
  }

  /** A setting of an application, in the dock's Apps. */
  knob(app: string, setting: string): Locator {
    return this.dock.getByRole("group", { name: `${app} ${setting}` });
  }

  check(): Locator {
    return this.task.getByRole("button", { name: /^Check/ });
  }

  trial(name: string): Locator {
    return this.task.getByRole("list", { name: "Trials" }).getByRole("listitem").filter({ hasText: name });
  }

  table(name: string | RegExp): Locator {
    return this.page.getByRole("table", { name });
  }

  async showTable() {
    await this.stage.getByRole("button", { name: "Table" }).click();
  }

  /** Puts a record into the inspector by the stage's table: `orders-2 offset 0`. */
  async select(record: string | RegExp) {
    await this.table("Records").getByRole("button", { name: record }).first().click();
  }
}
