// The SCIM plugin of Better Auth with SQLite in memory: better-auth-server.mjs FOLDER PORT TOKEN
// Bun runs it, because its SQLite driver needs no compiler.
import { Database } from "bun:sqlite";

const [, , folder, port, token] = process.argv;
const load = (name) => import(Bun.resolveSync(name, folder));
const { betterAuth } = await load("better-auth");
const { getMigrations } = await load("better-auth/db/migration");
const { scim } = await load("@better-auth/scim");

const auth = betterAuth({
    baseURL: `http://127.0.0.1:${port}`,
    secret: "interop-interop-interop-interop-interop",
    database: new Database(":memory:"),
    plugins: [scim({ connections: [{ id: "interop", credentials: [{ type: "bearer", id: "interop", token }] }] })],
});
await (await getMigrations(auth.options)).runMigrations();
Bun.serve({ hostname: "127.0.0.1", port: Number(port), fetch: auth.handler });
