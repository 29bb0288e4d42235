// An OpenID provider of others (oidc-provider) that Tenon signs people in with.
//
// The first line of standard input is the configuration, its end is the end of this program:
// {"port", "clients": [metadata], "people": {login: claims}, "keys": [JWK], "claims": {scope: [names]},
//  "thin": whether claims are left to userinfo}. One line is written when it listens: {"issuer"}.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import Provider from 'oidc-provider';

const lines = createInterface({ input: process.stdin });
const [line] = await once(lines, 'line');
const wanted = JSON.parse(line);
lines.on('close', () => process.exit());

const server = createServer();
server.listen(wanted.port, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: wanted.clients,
  jwks: { keys: wanted.keys },
  claims: { openid: ['sub'], ...wanted.claims },
  conformIdTokenClaims: wanted.thin,
  cookies: { keys: ['only for tests'] },
  features: { rpInitiatedLogout: { enabled: true } },
  async findAccount(_, login) {
    const claims = wanted.people[login];
    return claims && { accountId: login, claims: () => ({ sub: login, ...claims }) };
  },
});
server.on('request', provider.callback());
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
