"use strict";
// client.js, but what its queues cannot hold replaces the newest value: DiscardOldest=false.

const { ClientMonitoredItemGroup } = require("node-opcua-client");

const create = ClientMonitoredItemGroup.create;
ClientMonitoredItemGroup.create = (subscription, items, parameters, timestamps) =>
    create.call(ClientMonitoredItemGroup, subscription, items, { ...parameters, discardOldest: false }, timestamps);

require("./client.js");
