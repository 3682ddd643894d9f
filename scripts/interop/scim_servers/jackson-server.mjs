// The SCIM endpoints of SAML Jackson (BoxyHQ, Ory Polis) with its storage in memory, behind the
// routes that its guide shows: jackson-server.mjs FOLDER PORT TOKEN
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [, , folder, port, token] = process.argv;
const require = createRequire(folder + "/");
const { default: jackson } = require("@boxyhq/saml-jackson");

const externalUrl = `http://127.0.0.1:${port}`;
const { directorySyncController: sync } = await jackson({
    externalUrl,
    samlPath: "/saml",
    scimPath: "/scim/v2",
    db: { engine: "mem" },
    noAnalytics: true,
});
const { data: directory, error } = await sync.directories.create({
    tenant: "interop", product: "interop", type: "generic-scim-v2",
});
if (error) throw error;

async function answer(request) {
    const url = new URL(request.url, externalUrl);
    const [, , , resourceType = "", resourceId] = url.pathname.split("/").map(decodeURIComponent);
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    let body;
    try {
        body = text ? JSON.parse(text) : undefined;
    } catch {
        return { status: 400, data: { message: "invalid JSON" } };
    }
    const [scheme, given] = (request.headers.authorization ?? "").split(" ");
    const number = (name) => url.searchParams.has(name) ? Number(url.searchParams.get(name)) : undefined;
    return sync.requests.handle({
        method: request.method,
        body,
        directoryId: directory.id,
        resourceType,
        resourceId,
        // The library compares with a secret that it made itself.
        apiSecret: scheme.toLowerCase() === "bearer" && given === token ? directory.scim.secret : given,
        query: { count: number("count"), startIndex: number("startIndex"), filter: url.searchParams.get("filter") ?? undefined },
    });
}

createServer((request, response) => {
    answer(request).then(
        ({ status, data }) => [status, data],
        (cause) => [500, { message: String(cause) }],
    ).then(([status, data]) => {
        response.writeHead(status, { "Content-Type": "application/scim+json" });
        response.end(JSON.stringify(data ?? {}));
    });
}).listen(Number(port), "127.0.0.1");
