"use strict";
// An OPC UA client of another make (npm node-opcua-client), told by JSON lines what to do: see control.js.
//
// {"do": "subscribe", url, nodes: ["nsu=<uri>;s=<name>", ...], ...}: see DEFAULTS. With `print` every notification is
// a line {"node", "value", "status", "overflow", "source_us", "server_us"}; without, a handler that does nothing
// counts them, and `report` says what that cost:
// {"values", "cpu_us", "wall_us", "cpu_us_per_value", "values_per_cpu_s"} since `reset` (or the first value).

const fs = require("node:fs");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const {
    AttributeIds,
    ClientMonitoredItemGroup,
    ClientSubscription,
    MessageSecurityMode,
    OPCUAClient,
    SecurityPolicy,
    TimestampsToReturn,
    UserTokenType,
} = require("node-opcua-client");
const { say, serve } = require("./control.js");

const DEFAULTS = {
    nodes: [],
    queue_size: 1000,
    sampling_ms: 0,
    publishing_ms: 100,
    keep_alive_count: 20,
    lifetime_count: 6000,
    publish_requests: 3,
    policy: "None",
    mode: "None",
    certificates: null,
    // What `trust_server` of the folder would do beforehand: take whatever certificate the server shows.
    accept_unknown: false,
    username: null,
    password: null,
    // A user's certificate (DER) and key (PEM), files
    user_certificate: null,
    user_key: null,
    print: false,
    // Items in one CreateMonitoredItems request
    chunk: 1000,
    application_uri: "urn:test:node-opcua-client",
};

let config = null;
let client = null;
let session = null;
let subscription = null;
let count = 0;
let mark = null;

async function subscribe({ id: _id, do: _do, ...given }) {
    config = { ...DEFAULTS, ...given };
    client = OPCUAClient.create(await clientOptions());
    await client.connect(config.url);
    session = await client.createSession(identity());
    const answer = { namespaces: await session.readNamespaceArray(), items: [] };
    if (!config.nodes.length) return answer;
    subscription = ClientSubscription.create(session, {
        requestedPublishingInterval: config.publishing_ms,
        requestedLifetimeCount: config.lifetime_count,
        requestedMaxKeepAliveCount: config.keep_alive_count,
        maxNotificationsPerPublish: 0,
        publishingEnabled: true,
    });
    await new Promise((resolve) => subscription.once("started", resolve));
    for (let at = 0; at < config.nodes.length; at += config.chunk) {
        answer.items.push(...(await monitor(answer.namespaces, config.nodes.slice(at, at + config.chunk))));
    }
    return { ...answer, publishing_ms: subscription.publishingInterval };
}

async function clientOptions() {
    return {
        applicationUri: config.application_uri,
        clientName: "peer of Lineside's tests",
        endpointMustExist: false,
        securityMode: MessageSecurityMode[config.mode],
        securityPolicy: SecurityPolicy[config.policy],
        keepSessionAlive: false,
        requestedSessionTimeout: 3600000,
        connectionStrategy: { maxRetry: 2, initialDelay: 100, maxDelay: 1000 },
        clientCertificateManager: await certificates(),
    };
}

async function certificates() {
    if (!config.certificates) throw new Error("subscribe needs the folder certificates");
    fs.mkdirSync(config.certificates, { recursive: true });
    const it = new OPCUACertificateManager({
        rootFolder: config.certificates,
        automaticallyAcceptUnknownCertificate: config.accept_unknown,
        disableFileWatchers: true,
    });
    await it.initialize();
    return it;
}

function identity() {
    if (config.user_certificate) {
        return {
            type: UserTokenType.Certificate,
            certificateData: fs.readFileSync(config.user_certificate),
            privateKey: fs.readFileSync(config.user_key, "utf8"),
        };
    }
    if (config.username === null) return { type: UserTokenType.Anonymous };
    return { type: UserTokenType.UserName, userName: config.username, password: config.password };
}

async function monitor(namespaces, names) {
    const group = ClientMonitoredItemGroup.create(
        subscription,
        names.map((name) => ({ nodeId: resolved(name, namespaces), attributeId: AttributeIds.Value })),
        { samplingInterval: config.sampling_ms, queueSize: config.queue_size, discardOldest: true },
        TimestampsToReturn.Both,
    );
    group.monitoredItems.forEach((item, index) => item.on("changed", config.print ? printer(names[index]) : counted));
    await new Promise((resolve, reject) => {
        group.once("initialized", resolve);
        group.once("err", (message) => reject(new Error(message)));
    });
    return group.monitoredItems.map((item, index) => ({
        node: names[index],
        status: item.statusCode.value,
        queue_size: item.result?.revisedQueueSize ?? 0,
        sampling_ms: item.result?.revisedSamplingInterval ?? 0,
    }));
}

function resolved(name, namespaces) {
    const found = /^nsu=([^;]+);(.*)$/s.exec(name);
    if (!found) return name;
    const index = namespaces.indexOf(found[1]);
    if (index < 0) throw new Error(`the server has no namespace ${found[1]}`);
    return `ns=${index};${found[2]}`;
}

function counted() {
    count += 1;
    if (mark === null) begin();
}

const printer = (node) => (value) => {
    counted();
    say({
        node,
        value: readable(value.value?.value),
        status: value.statusCode.value,
        overflow: (value.statusCode.value & 0x480) === 0x480,
        source_us: value.sourceTimestamp ? value.sourceTimestamp.getTime() * 1000 : null,
        server_us: value.serverTimestamp ? value.serverTimestamp.getTime() * 1000 : null,
    });
};

// 64 bits come as a pair of 32, high before low.
function readable(value) {
    if (!Array.isArray(value) || value.length !== 2) return value ?? null;
    return Number((BigInt(value[0]) << 32n) | BigInt(value[1]));
}

function begin() {
    mark = { count, cpu: process.cpuUsage(), at: process.hrtime.bigint() };
}

function report() {
    if (mark === null) return { values: 0, cpu_us: 0, wall_us: 0, cpu_us_per_value: null, values_per_cpu_s: null };
    const values = count - mark.count;
    const { user, system } = process.cpuUsage(mark.cpu);
    const cpu = user + system;
    return {
        values,
        cpu_us: cpu,
        wall_us: Number((process.hrtime.bigint() - mark.at) / 1000n),
        cpu_us_per_value: values ? cpu / values : null,
        values_per_cpu_s: cpu ? (values * 1e6) / cpu : null,
    };
}

async function stop() {
    if (session) await session.close(true);
    if (client) await client.disconnect();
    session = client = subscription = null;
    return report();
}

serve({
    subscribe,
    reset: () => { begin(); },
    report,
    read: async ({ node }) => {
        const names = await session.readNamespaceArray();
        const value = await session.read({ nodeId: resolved(node, names), attributeId: AttributeIds.Value });
        return { value: readable(value.value?.value), status: value.statusCode.value };
    },
    stop,
});
