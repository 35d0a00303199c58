import { expect, test } from 'vitest';
import { Sockets } from '../../src/net/socket.ts';
import { ip } from './host.ts';

const UDP = 17;

test('bound to an address goes before bound to any; who closes is gone', () => {
  const sockets = new Sockets();
  const any = sockets.listen(UDP, 53);
  const one = sockets.listen(UDP, 53, ip('10.0.1.1'));
  expect(sockets.find(UDP, 53, ip('10.0.1.1'))).toBe(one);
  expect(sockets.find(UDP, 53, ip('10.0.1.2'))).toBe(any);
  expect([sockets.isBound(UDP, 53, ip('10.0.1.2')), sockets.isBound(UDP, 53, ip('10.0.1.2'), true)]).toEqual([
    true,
    false,
  ]);
  sockets.close(any);
  expect(sockets.find(UDP, 53, ip('10.0.1.2'))).toBe(null);
  expect(sockets.isBound(UDP, 53, ip('10.0.1.1'), true)).toBe(true);
  sockets.close(one);
  sockets.close(one);
  expect([sockets.find(UDP, 53, ip('10.0.1.1')), sockets.isBound(UDP, 54, 0)]).toEqual([null, false]);
});
