// A vendor's application on openid-client: by commands for a program, by pages for a person's browser.
//
// A client is {issuer, client_id, redirect_uri, method, secret, key, algorithm}; commands.mjs says the rest.
// The pages are those of the client that /do/serve has named.

import { randomUUID } from 'node:crypto';

import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oidc from 'openid-client';

import { answer, describe, listen, privateKey, read } from './commands.mjs';

const configurations = new Map();

async function configure(client) {
  const id = JSON.stringify(client);
  if (!configurations.has(id)) configurations.set(id, await discover(client));
  return configurations.get(id);
}

async function discover(client) {
  const config = await oidc.discovery(
    new URL(client.issuer),
    client.client_id,
    { id_token_signed_response_alg: client.algorithm },
    await proofOf(client),
    { execute: [oidc.allowInsecureRequests] },
  );
  // By default it trusts ID tokens that come straight from the token endpoint.
  oidc.enableNonRepudiationChecks(config);
  return config;
}

async function proofOf({ method, secret, key }) {
  switch (method) {
    case 'client_secret_basic':
      return oidc.ClientSecretBasic(secret);
    case 'client_secret_post':
      return oidc.ClientSecretPost(secret);
    case 'private_key_jwt':
      return oidc.PrivateKeyJwt(await privateKey(key));
    default:
      return oidc.None();
  }
}

const commands = {
  async begin({ client, pushed, parameters }) {
    const config = await configure(client);
    const flow = {
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      verifier: oidc.randomPKCECodeVerifier(),
    };
    const request = {
      redirect_uri: client.redirect_uri,
      scope: 'openid profile',
      state: flow.state,
      nonce: flow.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(flow.verifier),
      code_challenge_method: 'S256',
      ...parameters,
    };
    const url = pushed
      ? await oidc.buildAuthorizationUrlWithPAR(config, request)
      : oidc.buildAuthorizationUrl(config, request);
    return { ...flow, url: url.href };
  },

  async finish({ client, flow, url, max_age: maxAge }) {
    const tokens = await oidc.authorizationCodeGrant(await configure(client), new URL(url), {
      pkceCodeVerifier: flow.verifier,
      expectedState: flow.state,
      expectedNonce: flow.nonce,
      idTokenExpected: true,
      maxAge,
    });
    return { ...tokens, claims: tokens.claims() };
  },

  async userinfo({ client, token, subject }) {
    return oidc.fetchUserInfo(await configure(client), token, subject);
  },

  async refresh({ client, token, scope }) {
    return oidc.refreshTokenGrant(await configure(client), token, scope ? { scope } : {});
  },

  async introspect({ client, token }) {
    return oidc.tokenIntrospection(await configure(client), token);
  },

  async revoke({ client, token }) {
    await oidc.tokenRevocation(await configure(client), token);
  },

  async leave({ client, parameters }) {
    return { url: oidc.buildEndSessionUrl(await configure(client), parameters).href };
  },

  // From here on people come to the pages of this client, and after signing in to `home`.
  async serve({ client, home }) {
    vendor = { client, home: home ?? '/', flows: new Map(), sessions: new Map(), logouts: [] };
  },

  async logouts() {
    return vendor.logouts;
  },
};

let vendor;

const routes = {
  'GET /': async (url, request, response) => {
    const session = vendor.sessions.get(cookie(request, 'vendor'));
    if (!session) return page(response, 'You are not signed in', '<a href="/login">Sign in</a>');
    return page(
      response,
      `Welcome, ${session.claims.name}`,
      `<p id="app">${session.claims.app}</p>
       <a href="/logout?hint=">Sign out</a> <a href="/logout">Sign out without a hint</a>`,
    );
  },

  'GET /login': async (url, request, response) => begin(response, Object.fromEntries(url.searchParams)),

  // Third-party-initiated login: only a hint from somebody unknown, so a sign-in of its own begins.
  'GET /begin': async (url, request, response) => {
    if (url.searchParams.get('iss') !== vendor.client.issuer) return page(response, 'Wrong issuer', '');
    return begin(response, { tenant: url.searchParams.get('tenant') });
  },

  'GET /callback': async (url, request, response) => {
    const id = cookie(request, 'vendor-flow');
    const flow = vendor.flows.get(id);
    vendor.flows.delete(id);
    try {
      const session = await commands.finish({ client: vendor.client, flow: flow ?? {}, url: url.href });
      const key = randomUUID();
      vendor.sessions.set(key, session);
      return leadTo(response, vendor.home, `vendor=${key}`);
    } catch (error) {
      const told = describe(error);
      return page(response, `Not signed in: ${told.error ?? told.message}`, '<a href="/login">Sign in</a>');
    }
  },

  'GET /logout': async (url, request, response) => {
    const session = vendor.sessions.get(cookie(request, 'vendor'));
    vendor.sessions.delete(cookie(request, 'vendor'));
    const hint = url.searchParams.has('hint') ? { id_token_hint: session.id_token } : {};
    const back = { post_logout_redirect_uri: new URL('/after', vendor.client.redirect_uri).href };
    const left = await commands.leave({
      client: vendor.client,
      parameters: { ...back, ...hint, state: 'the-state' },
    });
    return leadTo(response, left.url, 'vendor=; Max-Age=0');
  },

  // What a link says as a form, which Connect Core 3.1.2.1 and RP-Initiated Logout 2 allow as well.
  'GET /form': async (url, request, response) => {
    const link = new URL(url.searchParams.get('to'));
    const fields = [...link.searchParams].map(
      ([name, value]) => `<input type="hidden" name="${name}" value="${value}">`,
    );
    const form = `<form method="post" action="${link.origin}${link.pathname}">${fields.join('')}`;
    return page(response, 'A form', `${form}<button>Go</button></form>`);
  },

  'GET /after': async (url, request, response) =>
    page(response, 'You have left', `<p id="state">${url.searchParams.get('state')}</p>`),

  // Back-Channel Logout 1.0, 2.6.
  'POST /back-channel-logout': async (url, request, response) => {
    const metadata = (await configure(vendor.client)).serverMetadata();
    const token = new URLSearchParams(await read(request)).get('logout_token');
    const { payload, protectedHeader } = await jwtVerify(
      token,
      createRemoteJWKSet(new URL(metadata.jwks_uri)),
      {
        issuer: metadata.issuer,
        audience: vendor.client.client_id,
        typ: 'logout+jwt',
        algorithms: [vendor.client.algorithm],
        requiredClaims: ['iat', 'exp', 'jti', 'sid', 'events'],
        maxTokenAge: '2m',
      },
    );
    const event = payload.events['http://schemas.openid.net/event/backchannel-logout'];
    if (!event || 'nonce' in payload) return answer(response, 400, '');
    for (const [key, session] of vendor.sessions) {
      if (session.claims.sid === payload.sid) vendor.sessions.delete(key);
    }
    vendor.logouts.push({ header: protectedHeader, claims: payload });
    return answer(response, 200, '');
  },
};

async function begin(response, parameters) {
  const { url, ...flow } = await commands.begin({ client: vendor.client, parameters });
  const id = randomUUID();
  vendor.flows.set(id, flow);
  return leadTo(response, url, `vendor-flow=${id}`);
}

function cookie(request, name) {
  const found = (request.headers.cookie ?? '').split('; ').find((one) => one.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}

function leadTo(response, location, set) {
  answer(response, 303, '', { location, 'set-cookie': `${set}; Path=/; HttpOnly; SameSite=Lax` });
}

function page(response, heading, rest) {
  const html = `<!doctype html><html lang="en"><title>Vendor</title><h1>${heading}</h1>${rest}</html>`;
  answer(response, 200, html, { 'content-type': 'text/html; charset=utf-8' });
}

await listen(commands, async (url, request, response) => {
  const route = routes[`${request.method} ${url.pathname}`];
  return route ? route(url, request, response) : answer(response, 404, '');
});
