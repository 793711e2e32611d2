import { expect, test } from "../pages/base";
import { Workbench } from "../pages/workbench";

const SERVER = "--bootstrap-server localhost:9092";
const READ = `kafka-console-consumer.sh ${SERVER} --topic orders --from-beginning`;

test.describe("the lesson first-record", () => {
  let bench: Workbench;

  test.beforeEach(async ({ page }) => {
    bench = new Workbench(page);
    await bench.open("basics/first-record");
  });

  test("is solved by typing alone", async () => {
    await bench.expectGoals(["open", "open", "open", "open"]);
    const terminal = bench.terminal;
    await terminal.run(
      `kafka-topics.sh --create --topic orders ${SERVER} --partitions 3 --replication-factor 1`,
      "Created topic orders.",
    );
    await expect(bench.goal("3 partitions")).toContainText("holds");

    await terminal.type(`kafka-console-producer.sh ${SERVER} --topic orders`);
    for (const line of ["order 1: two coffees", "order 2: one tea", "order 3: three cakes"]) await terminal.type(line);
    await terminal.endOfInput();
    await expect(bench.goal("at least 3 records")).toContainText("holds");

    await terminal.run(`${READ} --max-messages 3`, "Processed a total of 3 messages");
    await expect(bench.goal("shown each record")).toContainText("holds");

    await terminal.type("@predict second-read 3");
    await terminal.type(`${READ} --max-messages 3`);
    await expect(terminal.output).toContainText(/(Processed a total of 3 messages[^]*){2}/);
    await terminal.type("@predict where 1");
    await terminal.run(`kafka-get-offsets.sh ${SERVER} --topic orders`, /orders:0:\d+\s*orders:1:\d+\s*orders:2:\d+/);
    await bench.expectGoals(["holds", "holds", "holds", "holds"]);
    await expect(bench.task.getByRole("region", { name: "Passed" })).toBeVisible();
  });

  test("its blocks type their lines, its questions lock and are answered by the run", async () => {
    await bench.block("create").click();
    await expect(bench.terminal.output).toContainText("Created topic orders.");
    await bench.block("write").click();
    await bench.block("first-read").click();
    await expect(bench.terminal.output).toContainText("Processed a total of 3 messages");

    await bench.answer(/How many records will it show/, "3");
    await expect(bench.task).toContainText(/You said 3\W*The run says 3/);
    await bench.answer(/How many of the partitions hold records now/, "2");
    await expect(bench.task).toContainText(/You said 2\W*The run says 1/);
    await bench.expectGoals(["holds", "holds", "holds", "holds"]);
  });

  test("a console producer and a console consumer live side by side", async ({ page }) => {
    const terminal = bench.terminal;
    await terminal.run(`kafka-topics.sh --create --topic orders ${SERVER} --partitions 1`, "Created topic orders.");
    await bench.dock.getByRole("button", { name: "New terminal" }).click();
    await expect(terminal.tabs).toHaveCount(2);
    await terminal.type(READ);
    await terminal.tabs.first().click();
    await terminal.type(`kafka-console-producer.sh ${SERVER} --topic orders`);
    await terminal.type("hello, log");
    await terminal.tabs.last().click();
    await expect(terminal.output).toContainText("hello, log");

    await terminal.interrupt();
    await expect(terminal.output).toContainText("Processed a total of 1 messages");
    await terminal.tabs.first().click();
    await terminal.endOfInput();
    await terminal.run(`kafka-get-offsets.sh ${SERVER} --topic orders`, "orders:0:1");
    expect(await page.title()).toContain("Your first record");
  });

  test("a line that ends in & has a tab of its own", async () => {
    await bench.terminal.run(`kafka-topics.sh --create --topic orders ${SERVER} --partitions 1`, "Created topic orders.");
    await bench.terminal.type(`${READ} &`);
    await expect(bench.terminal.tabs).toHaveCount(2);
    await bench.terminal.tabs.first().click();
    await bench.terminal.run(`kafka-topics.sh ${SERVER} --list`, "__consumer_offsets");
  });

  test("Tab completes tools, options and topics; history comes back", async () => {
    const { field, completions } = bench.terminal;
    await field.focus();
    await bench.page.keyboard.type("kafka-top");
    await expect(completions.getByRole("option").first()).toContainText("kafka-topics.sh");
    await bench.page.keyboard.press("Tab");
    await expect(field).toHaveValue(/^kafka-topics\.sh ?$/);
    await field.fill("");
    await bench.terminal.run(`kafka-topics.sh --create --topic orders ${SERVER} --partitions 3`, "Created topic orders.");

    // The prompt is back once the command before has ended.
    await expect(field).toBeEditable();
    await field.focus();
    await bench.page.keyboard.type(`kafka-topics.sh ${SERVER} --descr`);
    await bench.page.keyboard.press("Tab");
    await expect(field).toHaveValue(/--describe ?$/);
    await field.press("End");
    await bench.page.keyboard.type((await field.inputValue()).endsWith(" ") ? "--topic ord" : " --topic ord");
    await bench.page.keyboard.press("Tab");
    await expect(field).toHaveValue(/--topic orders ?$/);
    await bench.page.keyboard.press("Enter");
    await expect(bench.terminal.output).toContainText("PartitionCount: 3");

    await bench.page.keyboard.press("ArrowUp");
    await expect(field).toHaveValue(/--describe/);
  });

  test("what is no command gets help", async () => {
    await bench.terminal.run("kafka-topcs.sh --list", "kafka-topics.sh");
    await bench.terminal.run(`kafka-topics.sh ${SERVER} --creat --topic x`, /creat/);
  });

  test("a record's bytes open in the inspector", async () => {
    for (const label of ["create", "write"]) await bench.block(label).click();
    await expect(bench.goal("at least 3 records")).toContainText("holds");
    await bench.showTable();
    await expect(bench.table("Records")).toContainText("order 2: one tea");
    await bench.select(/orders-\d offset 1/);
    await expect(bench.inspector).toContainText("order 2: one tea");
    await bench.inspector.getByRole("tab", { name: "Bytes" }).click();
    for (const field of ["baseOffset", "crc", "producerId"]) await expect(bench.inspector).toContainText(field);
    // "order 2" in the hex.
    await expect(bench.inspector).toContainText(/6f\s*72\s*64\s*65\s*72\s*20\s*32/i);
  });

  test("the table says where a group stands", async () => {
    for (const label of ["create", "write"]) await bench.block(label).click();
    await bench.terminal.type(`kafka-console-consumer.sh ${SERVER} --topic orders --from-beginning --group readers --max-messages 3`);
    await expect(bench.terminal.output).toContainText("Processed a total of 3 messages");
    await bench.showTable();
    const group = bench.table("Group readers");
    await expect(group).toContainText("LAG");
    // Partition, CURRENT-OFFSET, position (nobody reads any more), LOG-END-OFFSET, LAG.
    await expect(group.getByRole("row", { name: /orders-\d 3 - 3 0/ })).toHaveCount(1);
  });
});
