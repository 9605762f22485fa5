"use strict";
// A control channel of JSON lines: {"id": 1, "do": "name", ...} on stdin, {"id": 1, "result": ...} or
// {"id": 1, "error": "..."} on stdout. When stdin ends the process ends: nothing outlives the one who started it.

const readline = require("node:readline");

// Libraries talk on stdout; that is ours alone.
console.log = console.info = console.warn = (...words) => console.error(...words);

const say = (line) => process.stdout.write(`${JSON.stringify(line, plain)}\n`);

const plain = (_key, value) => (typeof value === "bigint" ? Number(value) : value);

async function answer(verbs, request) {
    const verb = verbs[request.do];
    if (!verb) throw new Error(`there is no "${request.do}"`);
    return (await verb(request)) ?? null;
}

// One request after another, in the order they came.
function serve(verbs) {
    let before = Promise.resolve();
    const lines = readline.createInterface({ input: process.stdin, terminal: false });
    lines.on("line", (line) => {
        const request = JSON.parse(line);
        before = before
            .then(() => answer(verbs, request))
            .then((result) => say({ id: request.id, result }))
            .catch((error) => say({ id: request.id, error: String(error?.message ?? error) }));
    });
    lines.on("close", () => process.exit(0));
}

module.exports = { say, serve };
