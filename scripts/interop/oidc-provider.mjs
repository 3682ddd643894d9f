// oidc-provider as authorization server of SCIM clients. It contains only what the package
// leaves to its user: clients, the resource server, an adapter with the default in-memory store.
// Arguments: folder of the package, port, audience, audience of another API, file of the clients.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [, , folder, port, audience, other, clients] = process.argv;
const require = createRequire(folder + "/");
const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
    clients: JSON.parse(readFileSync(clients, "utf8")),
    scopes: ["scim"],
    clientAuthMethods: [
        "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt",
    ],
    features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
            enabled: true,
            // Rehearsal sends no `resource`: each client has one.
            defaultResource: (_, client) => (client.clientId.startsWith("other") ? other : audience),
            getResourceServerInfo: (_, resource) => ({
                scope: "scim",
                audience: resource,
                accessTokenTTL: 600,
                accessTokenFormat: "jwt",
            }),
        },
    },
});
// The reason of each refusal, which the answer does not contain.
provider.on("grant.error", (_, error) => console.log(`refused: ${error.error_detail ?? error.error_description ?? error.message}`));
provider.listen(Number(port), "127.0.0.1");
