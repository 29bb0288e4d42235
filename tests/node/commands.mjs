// What the relying parties share: they are told what to do by POST /do/NAME with JSON, and say what came of it.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

// The first line of standard input is not needed, its end is the end of this program.
// One line is written when it listens: {"url"}.
export async function listen(commands, pages) {
  const lines = createInterface({ input: process.stdin });
  lines.on('close', () => process.exit());
  const server = createServer((request, response) => {
    const url = new URL(request.url, `http://${request.headers.host}`);
    const work = url.pathname.startsWith('/do/')
      ? obey(commands[url.pathname.slice('/do/'.length)], request, response)
      : pages(url, request, response);
    work.catch((error) => answer(response, 500, error.stack));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  process.stdout.write(`${JSON.stringify({ url })}\n`);
  return url;
}

async function obey(command, request, response) {
  const values = JSON.parse(await read(request));
  try {
    answer(response, 200, JSON.stringify((await command(values)) ?? null));
  } catch (error) {
    answer(response, 400, JSON.stringify(describe(error)));
  }
}

// What a library has refused, or what the provider has told it.
export function describe(error) {
  const { name, message, code, error: told, error_description: description, status } = error;
  return { name, message, code, error: told, description, status, cause: error.cause?.message };
}

export async function read(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return text;
}

export function answer(response, status, text, headers = {}) {
  response.writeHead(status, { 'cache-control': 'no-store', ...headers });
  response.end(text);
}

// A private key as the libraries want it; `extractable` is not needed.
export async function privateKey(jwk) {
  const algorithms = {
    ES256: { name: 'ECDSA', namedCurve: 'P-256' },
    RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  };
  return {
    kid: jwk.kid,
    key: await crypto.subtle.importKey('jwk', jwk, algorithms[jwk.alg], false, ['sign']),
  };
}
