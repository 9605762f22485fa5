"use strict";
// An OPC UA server of another make (npm node-opcua-server), told by JSON lines what to do: see control.js.
//
// {"do": "start", port, variables: [{name, kind, type, every_ms, ...}], ...}: see DEFAULTS
// kind: "counter" adds 1 each time (and begins again at 0 at `wrap`), "measurement" swings, "text" and "state" take
// another word, "flag" turns; every_ms 0: only `set` changes it.

const fs = require("node:fs");
const path = require("node:path");
const { DataType, MessageSecurityMode, SecurityPolicy, StatusCodes, Variant, VariantArrayType } = require("node-opcua-client");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { OPCUAServer } = require("node-opcua-server");
const { serve } = require("./control.js");

const URI = "urn:test:machine";
const STATES = ["Idle", "Execute", "Held", "Aborted"];
const DEFAULTS = {
    port: 0,
    host: "127.0.0.1",
    application_uri: "urn:test:node-opcua",
    // In this order; URI may stand anywhere. The first two places belong to OPC UA and to the server itself.
    namespaces: [URI],
    variables: [],
    // Of ServerCapabilities.OperationLimits, as node-opcua names them: {maxNodesPerRead: 100, ...}
    limits: {},
    // Others of ServerCapabilities: {maxMonitoredItemsQueueSize: 100, maxSubscriptions: 1, ...}
    capabilities: {},
    policies: ["None"],
    modes: ["None", "Sign", "SignAndEncrypt"],
    anonymous: true,
    users: {},
    // Folder of this server's own key and certificate and of those it trusts (`certificates/trusted/certs`).
    certificates: null,
    accept_unknown: false,
    // A certificate and its key (files), in place of the one this server makes for itself.
    certificate: null,
    key: null,
    // Folder of the certificates of users (`user_certificates/trusted/certs`).
    user_certificates: null,
    // File to which every value ever written is appended, one JSON line each: it outlives a kill.
    ledger: null,
    // Milliseconds, of the secure channel's keys
    token_lifetime_ms: 600000,
};

let config = { ...DEFAULTS };
let server = null;
let nodes = new Map();
let timers = [];
let paused = false;
const values = new Map();
const ledger = new Map();
let ledgerFile = null;

// ------------------------------------------------------------------ lifecycle

async function start(request) {
    const { id: _id, do: _do, ...given } = request;
    config = { ...config, ...given };
    if (config.ledger && ledgerFile === null) ledgerFile = fs.openSync(config.ledger, "a");
    server = new OPCUAServer(await serverOptions());
    await server.initialize();
    build(server.engine.addressSpace);
    await server.start();
    config.port = server.endpoints[0].port;
    timers = tickers();
    return { port: config.port, namespaces: server.engine.addressSpace.getNamespaceArray().map((n) => n.namespaceUri) };
}

async function serverOptions() {
    const certificates = await manager(config.certificates, config.accept_unknown);
    return {
        port: config.port,
        host: config.host,
        hostname: config.host,
        resourcePath: "/",
        serverInfo: { applicationUri: config.application_uri },
        securityPolicies: config.policies.map((name) => SecurityPolicy[name]),
        securityModes: config.modes.map((name) => MessageSecurityMode[name]),
        allowAnonymous: config.anonymous,
        userManager: { isValidUser: (name, password) => name in config.users && config.users[name] === password },
        serverCertificateManager: certificates,
        userCertificateManager: await manager(config.user_certificates, false),
        ...(config.certificate ? { certificateFile: config.certificate, privateKeyFile: config.key } : {}),
        defaultSecureTokenLifetime: config.token_lifetime_ms,
        serverCapabilities: {
            minSupportedSampleRate: 0,
            maxMonitoredItemsQueueSize: 100000,
            maxSessions: 100,
            ...config.capabilities,
            operationLimits: config.limits,
        },
        maxConnectionsPerEndpoint: 100,
    };
}

async function manager(folder, acceptUnknown) {
    if (!folder) throw new Error("start needs the folders certificates and user_certificates");
    fs.mkdirSync(folder, { recursive: true });
    const it = new OPCUACertificateManager({
        rootFolder: folder,
        automaticallyAcceptUnknownCertificate: acceptUnknown,
        disableFileWatchers: true,
    });
    await it.initialize();
    return it;
}

async function halt() {
    for (const timer of timers) clearInterval(timer);
    timers = [];
    if (server) await server.shutdown(0);
    server = null;
}

// Away for delay_ms, then the same server again with whatever else is given changed; values start at the beginning
// unless `keep_values`.
async function restart({ delay_ms = 0, keep_values = false, ...changes }) {
    await halt();
    if (!keep_values) values.clear();
    await new Promise((resolve) => setTimeout(resolve, delay_ms));
    return start(changes);
}

// -------------------------------------------------------------- address space

function build(addressSpace) {
    for (const uri of config.namespaces) addressSpace.registerNamespace(uri);
    nodes = new Map();
    const folders = new Map();
    for (const variable of config.variables) {
        const name = variable.folder ?? "Machine";
        if (!folders.has(name)) folders.set(name, addFolder(addressSpace, name));
        addVariable(addressSpace, folders.get(name), variable);
    }
}

function addFolder(addressSpace, name) {
    const space = addressSpace.getNamespace(URI);
    return space.addObject({ browseName: name, nodeId: `s=${name}`, organizedBy: addressSpace.rootFolder.objects });
}

function addVariable(addressSpace, folder, variable) {
    const space = addressSpace.getNamespace(URI);
    const node = space.addVariable({
        componentOf: folder,
        browseName: variable.name,
        nodeId: `s=${variable.name}`,
        dataType: variable.type,
        accessLevel: variable.history ? "CurrentRead | CurrentWrite | HistoryRead" : "CurrentRead | CurrentWrite",
        userAccessLevel: variable.history ? "CurrentRead | CurrentWrite | HistoryRead" : "CurrentRead | CurrentWrite",
        minimumSamplingInterval: 0,
    });
    if (variable.history) addressSpace.installHistoricalDataNode(node, { maxOnlineValues: 100000 });
    nodes.set(variable.name, { variable, node });
    const first = values.get(variable.name) ?? variable.value ?? firstValue(variable);
    write(variable.name, first, StatusCodes.Good);
}

function firstValue({ kind }) {
    return { counter: 0, measurement: 20, text: "text 0", state: STATES[0], flag: false }[kind] ?? 0;
}

// --------------------------------------------------------------------- values

function tickers() {
    const byInterval = new Map();
    for (const { name, every_ms } of config.variables) {
        if (every_ms) byInterval.set(every_ms, [...(byInterval.get(every_ms) ?? []), name]);
    }
    return [...byInterval].map(([every_ms, names]) => everyMs(every_ms, names));
}

// As many steps as have become due, so that a loaded machine makes the values late but not fewer.
function everyMs(interval, names) {
    const begun = Date.now();
    let done = 0;
    return setInterval(() => {
        const due = Math.floor((Date.now() - begun) / interval);
        for (; done < due; done += 1) if (!paused) for (const name of names) step(name);
    }, Math.max(1, interval));
}

function step(name) {
    const entry = nodes.get(name);
    if (entry) write(name, nextValue(entry.variable, values.get(name)), StatusCodes.Good);
}

function nextValue({ kind, wrap }, value) {
    switch (kind) {
        case "counter": return wrap && value + 1 >= wrap ? 0 : value + 1;
        case "measurement": return 20 + ((value - 20) * 997 + 0.37) % 5;
        case "text": return `text ${Number(value.slice(5)) + 1}`;
        case "state": return STATES[(STATES.indexOf(value) + 1) % STATES.length];
        case "flag": return !value;
        default: return value;
    }
}

function write(name, value, status, at = new Date()) {
    const { variable, node } = nodes.get(name);
    values.set(name, value);
    note(name, value, at, status);
    node.setValueFromSource(variant(variable.type, value), status, at);
}

function variant(type, value) {
    const dataType = DataType[type];
    return new Variant({ dataType, arrayType: VariantArrayType.Scalar, value: encoded(type, value) });
}

// node-opcua has 64 bits as a pair of 32.
function encoded(type, value) {
    if (type !== "Int64" && type !== "UInt64") return value;
    const whole = BigInt.asUintN(64, BigInt(value));
    return [Number(whole >> 32n), Number(whole & 0xffffffffn)];
}

function note(name, value, at, status) {
    const row = [value, at.getTime() * 1000, status.value];
    if (!ledger.has(name)) ledger.set(name, []);
    ledger.get(name).push(row);
    if (ledgerFile !== null) fs.writeSync(ledgerFile, `${JSON.stringify([name, ...row])}\n`);
}

// ------------------------------------------------------- sessions, certificates

const sessions = () => Object.values(server.engine._sessions ?? {});

const subscriptions = () => sessions().flatMap((s) => s.publishEngine.subscriptions);

function forgetSessions({ subscriptions_too = true }) {
    const found = sessions();
    for (const session of found) {
        server.engine.closeSession(session.authenticationToken, subscriptions_too, "Terminated");
    }
    return found.length;
}

function forgetSubscriptions() {
    const found = sessions().flatMap((s) => s.publishEngine.subscriptions.map((one) => [s, one]));
    for (const [session, one] of found) session.deleteSubscription(one.id);
    return found.length;
}

// Whoever was turned away is let in from now on; answers how many.
async function trustRejected() {
    let trusted = 0;
    for (const [folder, store] of [
        [config.certificates, server.serverCertificateManager],
        [config.user_certificates, server.userCertificateManager],
    ]) {
        const rejected = path.join(folder, "rejected");
        for (const name of fs.readdirSync(rejected)) {
            await store.trustCertificate(certificateIn(path.join(rejected, name)));
            trusted += 1;
        }
    }
    return trusted;
}

async function trust({ file, user = false }) {
    await (user ? server.userCertificateManager : server.serverCertificateManager).trustCertificate(certificateIn(file));
}

function certificateIn(file) {
    const content = fs.readFileSync(file);
    const text = content.toString("latin1");
    if (!text.includes("-----BEGIN CERTIFICATE-----")) return content;
    return Buffer.from(text.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0], "base64");
}

serve({
    start,
    restart,
    stop: halt,
    pause: () => { paused = true; },
    resume: () => { paused = false; },
    set: ({ name, value, status = "Good", at_ms }) =>
        write(name, value, StatusCodes[status], at_ms === undefined ? new Date() : new Date(at_ms)),
    add: (request) => {
        config.variables = [...config.variables, request.variable];
        const space = server.engine.addressSpace;
        const folder = space.findNode(`ns=${space.getNamespaceIndex(URI)};s=${request.variable.folder ?? "Machine"}`);
        addVariable(space, folder, request.variable);
    },
    remove: ({ name }) => {
        config.variables = config.variables.filter((v) => v.name !== name);
        server.engine.addressSpace.deleteNode(nodes.get(name).node);
        nodes.delete(name);
        values.delete(name);
    },
    values: () => Object.fromEntries(values),
    ledger: () => Object.fromEntries(ledger),
    status: () => ({
        sessions: sessions().length,
        subscriptions: subscriptions().length,
        items: subscriptions().reduce((n, s) => n + s.monitoredItemCount, 0),
        channels: server.endpoints.reduce((n, e) => n + e.currentChannelCount, 0),
        rejected_sessions: server.engine.rejectedSessionCount,
    }),
    forget_sessions: forgetSessions,
    forget_subscriptions: forgetSubscriptions,
    trust_rejected: trustRejected,
    trust,
});
