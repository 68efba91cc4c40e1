/* A certified OpenID provider on a loopback port, for the tests.
 *
 * Reads one line of JSON from standard input:
 *
 *     { "port": 0,
 *       "clients": [{ "client_id", "client_secret", "redirect_uris", … }],   client metadata of RFC 7591
 *       "accounts": [{ "login", "claims": { "sub", … } }] }
 *
 * prints { "issuer", "port" } as its only line on standard output once it accepts connections, and
 * runs until standard input is closed. Signing keys are made at each start, so that a restart on
 * the same port is a provider that has rotated its keys.
 */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

import { Provider } from "oidc-provider";

console.info = console.error; // the library's notices; standard output is for the ready line

const PROFILE = ["name", "given_name", "family_name", "preferred_username", "locale"];
const EMAIL = ["email", "email_verified"];

function signingKey(alg, type, options) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: "jwk" }), use: "sig", alg, kid: crypto.randomUUID() };
}

function configuration({ clients, accounts }) {
  const claimsOf = new Map(accounts.map(({ claims }) => [claims.sub, claims]));
  const named = new Set([...PROFILE, ...EMAIL]);
  const further = accounts.flatMap(({ claims }) => Object.keys(claims)).filter((n) => !named.has(n));

  return {
    clients,
    jwks: {
      keys: [
        signingKey("RS256", "rsa", { modulusLength: 2048 }),
        signingKey("ES256", "ec", { namedCurve: "P-256" }),
      ],
    },
    claims: { openid: ["sub", ...further], profile: PROFILE, email: EMAIL },
    conformIdTokenClaims: false, // as Okta, Entra ID and Google do: claims travel in the ID token
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "ES256"] },
    pkce: { required: () => true },
    cookies: { keys: [crypto.randomUUID()] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/sign-in/${uid}` },
    findAccount(_context, sub) {
      const claims = claimsOf.get(sub);
      return claims && { accountId: sub, claims: () => claims };
    },
    async loadExistingGrant({ oidc: { client, params, provider, session } }) {
      const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
      grant.addOIDCScope(params.scope);
      await grant.save();
      return grant;
    },
  };
}

const SIGN_IN_PAGE = `<!doctype html>
<title>Sign in</title>
<form method="post">
  <label>Login <input name="login" autofocus></label>
  <button>Sign in</button>
  <button name="refuse" value="yes">Refuse</button>
</form>
`;

async function signInPage(provider, accounts, request, response) {
  if (request.method === "GET") {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.end(SIGN_IN_PAGE);
    return;
  }
  let body = "";
  for await (const chunk of request) body += chunk;
  const form = new URLSearchParams(body);
  if (form.has("refuse")) {
    const error = { error: "access_denied", error_description: "The person refused to sign in" };
    await provider.interactionFinished(request, response, error);
    return;
  }
  const account = accounts.find(({ login }) => login === form.get("login"));
  if (!account) {
    response.statusCode = 403;
    response.end(`Nobody here is called ${form.get("login")}`);
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId: account.claims.sub } });
}

const lines = createInterface({ input: process.stdin });
lines.on("close", () => process.exit());
const [line] = await once(lines, "line");
const settings = JSON.parse(line);

const server = createServer();
server.listen(settings.port, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, configuration(settings));
provider.on("server_error", (_context, error) => console.error(error));
const protocol = provider.callback();

server.on("request", (request, response) => {
  if (!request.url.startsWith("/sign-in/")) {
    protocol(request, response);
    return;
  }
  signInPage(provider, settings.accounts, request, response).catch((error) => {
    response.statusCode = 400;
    response.end(String(error));
  });
});

console.log(JSON.stringify({ issuer, port }));
