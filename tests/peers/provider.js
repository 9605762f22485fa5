"use strict";
// An OpenID Connect provider of another make (npm oidc-provider, certified), told by JSON lines what to do: see control.js.
//
// {"do": "start", clients: [...], people: {name: claims}}: answers {port, issuer}. It keeps all in memory.
// Who signs in: the page it sends a browser to, with /as/<name> behind; "nobody" changes their mind.

const crypto = require("node:crypto");
const http = require("node:http");
const { Provider } = require("oidc-provider");
const { serve } = require("./control.js");

let server = null;
let config = {};
let issuer = "";

function key(alg) {
    const pair = alg === "ES256" ? ["ec", { namedCurve: "P-256" }] : ["rsa", { modulusLength: 2048 }];
    const { privateKey } = crypto.generateKeyPairSync(...pair);
    return { ...privateKey.export({ format: "jwk" }), use: "sig", alg, kid: crypto.randomUUID() };
}

function make() {
    const provider = new Provider(issuer, {
        clients: config.clients,
        jwks: { keys: [key("RS256"), key("ES256")] },
        cookies: { keys: [crypto.randomUUID()] },
        claims: { profile: ["name", "preferred_username", "groups"], email: ["email", "email_verified"] },
        conformIdTokenClaims: config.claims_in_userinfo ?? false,
        features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
        interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
        findAccount: (_ctx, name) => ({ accountId: name, claims: () => ({ sub: name, ...config.people[name] }) }),
    });
    provider.on("server_error", (_ctx, error) => console.error(error));
    return provider;
}

async function interact(provider, request, response, name) {
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (name === "nobody") {
        return provider.interactionFinished(request, response, { error: "access_denied", error_description: "No." });
    }
    if (prompt.name === "login") {
        const amr = config.people[name]?.amr;
        return provider.interactionFinished(request, response, { login: { accountId: name, ...(amr ? { amr } : {}) } });
    }
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

async function start(request) {
    const { id: _id, do: _do, ...given } = request;
    config = given;
    server = http.createServer(async (request, response) => {
        const found = /^\/interaction\/[^/]+\/as\/(\w+)$/.exec(request.url);
        if (!found) return provider.callback()(request, response);
        try {
            await interact(provider, request, response, found[1]);
        } catch (error) {
            console.error(error);
            response.statusCode = 500;
            response.end(String(error));
        }
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address();
    issuer = `http://127.0.0.1:${port}`;
    const provider = make();
    return { port, issuer };
}

serve({ start });
