import { z } from 'zod';
import type { Collection } from './collection.ts';
import { revision } from './schemas.ts';

export const reservationSchema = z
  .object({ subnet: z.string(), node: z.string(), revision })
  .meta({ id: 'Reservation' });

export type ReservationObject = z.output<typeof reservationSchema>;

/** A subnet that only the host of this name may lease. */
export const reservations: Collection<'reservation', ReservationObject> = {
  source: 'causeway',
  kind: 'reservation',
  also: [],
  present: ({ value, revision }) => ({ ...value, revision }),
};
