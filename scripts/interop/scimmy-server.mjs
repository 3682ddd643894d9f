// A server with SCIMMY's routers and two maps as storage. It contains only what the
// handlers must do; SCIM itself is implemented by the library.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(process.argv[2] + "/");
const express = require("express");
const SCIMMY = require("scimmy").default ?? require("scimmy");
const SCIMMYRouters = require("scimmy-routers").default ?? require("scimmy-routers");
const [, , , port, token] = process.argv;

function keep(Resource, isTaken) {
    const all = new Map();
    const found = (id) => {
        const one = all.get(id);
        if (!one) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
        return one;
    };
    SCIMMY.Resources.declare(Resource, {
        ingress: (resource, data) => {
            for (const other of all.values()) {
                if (other.id !== resource.id && isTaken(other, data)) {
                    throw new SCIMMY.Types.Error(409, "uniqueness", "The name is taken");
                }
            }
            const now = new Date().toISOString();
            const before = resource.id ? found(resource.id) : undefined;
            const id = before?.id ?? randomUUID();
            const kept = { ...JSON.parse(JSON.stringify(data)), id, meta: undefined };
            const same = JSON.stringify(kept) === JSON.stringify({ ...before, meta: undefined });
            const lastModified = same ? before.meta.lastModified : now;
            const one = { ...kept, meta: { created: before?.meta.created ?? now, lastModified } };
            all.set(id, one);
            return one;
        },
        egress: (resource) => {
            if (resource.id) return found(resource.id);
            const everything = [...all.values()];
            return resource.filter ? resource.filter.match(everything) : everything;
        },
        degress: (resource) => {
            found(resource.id);
            all.delete(resource.id);
        },
    });
}

keep(SCIMMY.Resources.User, (a, b) => a.userName?.toLowerCase() === b.userName?.toLowerCase());
keep(SCIMMY.Resources.Group, () => false);

const app = express();
app.use("/scim", new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
        const [scheme, given] = (request.header("Authorization") ?? "").split(" ");
        if (scheme.toLowerCase() !== "bearer" || given !== token) throw new Error("Unknown token");
        return "somebody";
    },
}));
createServer(app).listen(Number(port), "127.0.0.1");
