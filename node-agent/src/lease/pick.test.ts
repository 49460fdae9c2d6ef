import { completeNetworkConfig } from '@causeway/shared/model/network.schema';
import { describe, expect, it } from 'vitest';
import { pickSubnet } from './pick.ts';

const me = { id: 'me', publicIp: '192.168.122.11' };
const config = completeNetworkConfig({ network: '10.10.0.0/16' });
const by = (subnet: string, ownerId: string) => ({ subnet, ownerId, publicIp: '192.168.122.99' });

describe('pickSubnet', () => {
  it('takes the first one that flannel would at 0, and the hundredth at almost 1', () => {
    expect(pickSubnet({ config, taken: [], me, random: 0 })).toEqual({
      subnet: '10.10.1.0/24',
      source: 'free',
    });
    expect(pickSubnet({ config, taken: [], me, random: 0.9999 })?.subnet).toBe('10.10.100.0/24');
  });

  it('keeps its own, known by id whatever its address was', () => {
    const taken = [by('10.10.7.0/24', 'me'), by('10.10.1.0/24', 'other')];
    expect(pickSubnet({ config, taken, me, random: 0.5 })).toEqual({ subnet: '10.10.7.0/24', source: 'own' });
  });

  it("takes over a flannel daemon's lease of the same address", () => {
    const taken = [{ subnet: '10.10.7.0/24', publicIp: me.publicIp }];
    expect(pickSubnet({ config, taken, me, random: 0 })?.source).toBe('own');
  });

  it("does not take another node's lease because the address is the same", () => {
    const taken = [{ subnet: '10.10.1.0/24', publicIp: me.publicIp, ownerId: 'other' }];
    expect(pickSubnet({ config, taken, me, random: 0 })?.subnet).toBe('10.10.2.0/24');
  });

  it('prefers the subnet that it had before when that is free', () => {
    expect(pickSubnet({ config, taken: [], me, lastSubnet: '10.10.9.0/24', random: 0 })).toEqual({
      subnet: '10.10.9.0/24',
      source: 'last',
    });
    const taken = [by('10.10.9.0/24', 'other')];
    expect(pickSubnet({ config, taken, me, lastSubnet: '10.10.9.0/24', random: 0 })?.source).toBe('free');
  });

  it.each([
    ['outside the network', '10.11.9.0/24'],
    ['of another length', '10.10.9.0/25'],
    ['below SubnetMin', '10.10.0.0/24'],
    ['nonsense', 'x'],
  ])('leaves a subnet that is %s, even its own', (_why, subnet) => {
    const picked = pickSubnet({ config, taken: [by(subnet, 'me')], me, lastSubnet: subnet, random: 0 });
    expect(picked).toEqual({ subnet: '10.10.1.0/24', source: 'free' });
  });

  it('leaves what overlaps a lease of another length, from before a change of the configuration', () => {
    const taken = [by('10.10.0.0/22', 'other'), by('10.10.4.128/25', 'other')];
    expect(pickSubnet({ config, taken, me, random: 0 })?.subnet).toBe('10.10.5.0/24');
  });

  it("leaves its own lease that somebody else's claim contradicts", () => {
    const taken = [by('10.10.7.0/24', 'me'), { subnet: '10.10.7.0/24', ownerId: 'other' }];
    expect(pickSubnet({ config, taken, me, random: 0 })?.subnet).toBe('10.10.1.0/24');
  });

  it('answers undefined when all are taken', () => {
    const small = completeNetworkConfig({ network: '10.10.0.0/28' });
    const taken = ['10.10.0.4/30', '10.10.0.8/30', '10.10.0.12/30'].map((subnet) => by(subnet, 'other'));
    expect(pickSubnet({ config: small, taken, me, random: 0 })).toBeUndefined();
    expect(pickSubnet({ config: small, taken: taken.slice(1), me, random: 0.99 })?.subnet).toBe(
      '10.10.0.4/30',
    );
  });
});
