// A relying party on oauth4webapi, which leaves no check out and has each one named.
//
// A client is {issuer, client_id, redirect_uri, method, secret, key, algorithm}; commands.mjs says the rest.

import * as oauth from 'oauth4webapi';

import { answer, listen, privateKey } from './commands.mjs';

const options = { [oauth.allowInsecureRequests]: true };
const servers = new Map();

async function describeServer(issuer, algorithm = 'oidc') {
  const id = `${algorithm} ${issuer}`;
  if (!servers.has(id)) {
    const url = new URL(issuer);
    const response = await oauth.discoveryRequest(url, { ...options, algorithm });
    servers.set(id, await oauth.processDiscoveryResponse(url, response));
  }
  return servers.get(id);
}

async function open({ issuer, client_id, method, secret, key, algorithm }) {
  return {
    server: await describeServer(issuer),
    client: { client_id, id_token_signed_response_alg: algorithm, require_auth_time: true },
    proof: await proofOf(method, secret, key),
  };
}

async function proofOf(method, secret, key) {
  switch (method) {
    case 'client_secret_basic':
      return oauth.ClientSecretBasic(secret);
    case 'client_secret_post':
      return oauth.ClientSecretPost(secret);
    case 'private_key_jwt':
      return oauth.PrivateKeyJwt(await privateKey(key));
    default:
      return oauth.None();
  }
}

const commands = {
  async begin({ client: settings, pushed, parameters }) {
    const { server, client, proof } = await open(settings);
    const flow = {
      state: oauth.generateRandomState(),
      nonce: oauth.generateRandomNonce(),
      verifier: oauth.generateRandomCodeVerifier(),
    };
    const request = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: settings.redirect_uri,
      response_type: 'code',
      scope: 'openid profile',
      state: flow.state,
      nonce: flow.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(flow.verifier),
      code_challenge_method: 'S256',
      ...parameters,
    });
    const url = new URL(server.authorization_endpoint);
    url.search = pushed ? await push(server, client, proof, request) : request;
    return { ...flow, url: url.href };
  },

  async finish({ client: settings, flow, url, max_age: maxAge }) {
    const { server, client, proof } = await open(settings);
    const told = oauth.validateAuthResponse(server, client, new URL(url), flow.state);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      proof,
      told,
      settings.redirect_uri,
      flow.verifier,
      options,
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
      expectedNonce: flow.nonce,
      maxAge,
      requireIdToken: true,
    });
    await oauth.validateApplicationLevelSignature(server, response, options);
    return { ...tokens, claims: oauth.getValidatedIdTokenClaims(tokens) };
  },

  async userinfo({ client: settings, token, subject }) {
    const { server, client } = await open(settings);
    const response = await oauth.userInfoRequest(server, client, token, options);
    return oauth.processUserInfoResponse(server, client, subject, response);
  },

  async refresh({ client: settings, token, scope }) {
    const { server, client, proof } = await open(settings);
    const additionalParameters = scope ? { scope } : {};
    const response = await oauth.refreshTokenGrantRequest(server, client, proof, token, {
      ...options,
      additionalParameters,
    });
    return oauth.processRefreshTokenResponse(server, client, response);
  },

  async introspect({ client: settings, token }) {
    const { server, client, proof } = await open(settings);
    const response = await oauth.introspectionRequest(server, client, proof, token, options);
    return oauth.processIntrospectionResponse(server, client, response);
  },

  async revoke({ client: settings, token }) {
    const { server, client, proof } = await open(settings);
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(server, client, proof, token, options),
    );
  },

  async leave({ client: settings, parameters }) {
    const { server, client } = await open(settings);
    const url = new URL(server.end_session_endpoint);
    url.search = new URLSearchParams({ client_id: client.client_id, ...parameters });
    return { url: url.href };
  },

  // The same description by the name that RFC 8414 gives it.
  async describe({ client: { issuer } }) {
    return describeServer(issuer, 'oauth2');
  },
};

async function push(server, client, proof, request) {
  const response = await oauth.pushedAuthorizationRequest(server, client, proof, request, options);
  const { request_uri } = await oauth.processPushedAuthorizationResponse(server, client, response);
  return new URLSearchParams({ client_id: client.client_id, request_uri });
}

await listen(commands, async (url, request, response) => answer(response, 404, ''));
