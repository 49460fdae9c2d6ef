import { describe, expect, it } from 'vitest';
import { parseEndpointRef } from './ref.ts';

describe('parseEndpointRef', () => {
  it.each([
    ['10.10.1.2:12345', { address: '10.10.1.2', port: 12345, portText: '12345' }],
    ['10.10.1.2', { address: '10.10.1.2', port: undefined, portText: undefined }],
    ['web-1', { name: 'web-1', port: undefined, portText: undefined }],
    ['web-1:80', { name: 'web-1', port: 80, portText: '80' }],
    ['web-1:65536', { name: 'web-1', port: undefined, portText: '65536' }],
    ['web-1:0', { name: 'web-1', port: undefined, portText: '0' }],
    ['web-1:', { name: 'web-1', port: undefined, portText: '' }],
    ['[fd00::2]:80', { address: 'fd00::2', port: 80, portText: '80' }],
    ['[FD00:0::2]', { address: 'fd00::2', port: undefined, portText: undefined }],
    ['fd00::2', { address: 'fd00::2', port: undefined, portText: undefined }],
    ['fd00::2:80', { address: 'fd00::2:80', port: undefined, portText: undefined }],
    ['[web-1]:80', { address: 'web-1', port: 80, portText: '80' }],
    ['[fd00::2]80', undefined],
    ['[fd00::2', undefined],
    ['[]:80', { name: '[]', port: 80, portText: '80' }],
    ['a:b:c', undefined],
    [':80', undefined],
    ['', undefined],
  ])('%j', (text, parsed) => {
    expect(parseEndpointRef(text)).toEqual(parsed);
  });
});
