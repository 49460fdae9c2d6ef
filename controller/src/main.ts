import { CausewayError, messageOf } from '@causeway/shared/errors';
import { openEtcdStore } from '@causeway/shared/store/etcd';
import { readEtcdFiles } from '@causeway/shared/store/etcd-files';
import { VERSION } from '@causeway/shared/version';
import { type Logger, pino } from 'pino';
import { newCluster } from './bootstrap.ts';
import { type ControllerConfig, readConfig } from './config.ts';
import { startController } from './controller.ts';
import { type EmbeddedEtcd, startEmbeddedEtcd } from './embedded-etcd.ts';

/** A restarted etcd is found again within this, milliseconds: users wait for it. */
const RETRY_MAX_MS = 500;
/** Bad flags, as with any command-line tool. */
const EXIT_USAGE = 2;
/** The cluster in etcd is another one, or an address is taken. */
const EXIT_FAILURE = 1;

void main();

async function main(): Promise<void> {
  try {
    const config = readConfig(process.argv.slice(2), (text) => process.stdout.write(text));
    if (config === undefined) return;
    // A network that cannot work is told before anything is started.
    newCluster(config.wanted);
    await run(config, pino({ name: 'causeway-controller', level: config.logLevel }));
  } catch (error) {
    process.stderr.write(`causeway-controller: ${messageOf(error)}\n`);
    const isUsage = error instanceof CausewayError && error.code === 'invalid';
    process.exit(isUsage ? EXIT_USAGE : EXIT_FAILURE);
  }
}

async function run(config: ControllerConfig, logger: Logger): Promise<void> {
  logger.info({ version: VERSION, pid: process.pid }, 'starting');
  const store = openEtcdStore({ ...readEtcdFiles(config.etcd), retryMaxMs: RETRY_MAX_MS });
  const { wanted, names, listen } = config;
  // The addresses first: a second controller must find them taken before it touches the first one's etcd.
  const controller = await startController({ store, wanted, names, listen, logger });
  let etcd: EmbeddedEtcd | undefined;
  const stop = async (why: string) => {
    logger.info({ why }, 'stopping');
    await controller.close();
    store.close();
    await etcd?.stop();
  };
  const stopped = new Promise<void>((resolve, reject) => {
    // A listener that stays: without one, what watches over child processes would end this one at once.
    let isStopping = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (!isStopping) stop(signal).then(resolve, reject);
        isStopping = true;
      });
    }
  });
  try {
    if (config.startsEtcd) etcd = await startOwnEtcd(config, logger);
    await Promise.race([controller.ready, stopped]);
  } catch (error) {
    await stop(messageOf(error));
    throw error;
  }
  await stopped;
  logger.info('stopped');
}

async function startOwnEtcd(config: ControllerConfig, logger: Logger): Promise<EmbeddedEtcd> {
  return startEmbeddedEtcd({
    dataDir: config.etcdData,
    listen: config.etcdListen,
    log: (level, text) => logger[level](text),
  });
}
