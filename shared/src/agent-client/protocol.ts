/** What both ends of the agents' API go by. */

/**
 * TLS by a pre-shared key: each side proves to the other that it has the key, no certificate is needed, and what was
 * sent stays secret when the key becomes known later (ECDHE). Node has no other cipher of that kind with AEAD.
 */
export const PSK_TLS = {
  ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
} as const;

/** Whose key it is, in the words of TLS: there is one key per agent. */
export const PSK_IDENTITY = 'causeway';

/** How errors are told: RFC 9457, with the code, field and value of a CausewayError. */
export const PROBLEM_TYPE = 'application/problem+json';
export const JSON_TYPE = 'application/json';
/** The status of every error that has a code; the code says more. */
export const PROBLEM_STATUS = 422;
