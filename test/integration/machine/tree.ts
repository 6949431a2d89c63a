import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { collect } from '../sandbox/collect.js';

/** What a machine has beside the essential packages. libstdc++6 is for the node that is shown to it. */
const PACKAGES = [
  ...['systemd', 'systemd-sysv', 'libpam-systemd', 'dbus', 'util-linux', 'iproute2', 'procps', 'libstdc++6'],
  ...['passwd', 'login', 'libpam-modules', 'sudo', 'cron', 'at', 'openssh-server', 'openssh-client'],
];

/** Nobody reads in there. */
const LEFT_OUT = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*'];

const CACHE = join(homedir(), '.cache/entramox-test-machines');
const BUILD_LIMIT_MS = 300_000;
const UNUSED_LIMIT_MS = 14 * 86_400_000;

/**
 * The folder of a small Debian tree that can be booted: that of an earlier run where the packages and their sources
 * are the same, else a new one, which takes about a minute and the packages from where apt of this machine has them.
 * Nothing ever writes into it again. Throws with the words of the tool that failed.
 */
export async function bootableTree(): Promise<string> {
  const { suite, sources, aptOptions } = await aptOfThisMachine();
  const key = createHash('sha256')
    .update(JSON.stringify([1, suite, sources, PACKAGES, LEFT_OUT]))
    .digest('hex');
  const tree = join(CACHE, `${suite}-${key.slice(0, 16)}`);
  mkdirSync(CACHE, { recursive: true, mode: 0o700 });
  if (existsSync(tree)) {
    utimesSync(tree, new Date(), new Date());
    return tree;
  }
  const building = mkdtempSync(join(CACHE, '.building-'));
  try {
    const options = [
      ...['--quiet', '--variant=essential', `--include=${PACKAGES.join(',')}`],
      ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
      ...aptOptions.map((option) => `--aptopt=${option}`),
    ];
    const { code, stderr } = await collect(['mmdebstrap', ...options, suite, join(building, 'tree'), '-'], {
      input: `${sources.join('\n')}\n`,
      timeoutMs: BUILD_LIMIT_MS,
    });
    if (code !== 0) throw new Error(`mmdebstrap ended with ${code}: ${stderr.trim().split('\n').slice(-3).join('; ')}`);
    // Somebody else may have been faster; his is as good.
    if (!existsSync(tree)) renameSync(join(building, 'tree'), tree);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  forgetUnused();
  return tree;
}

/** The node that runs the tests, or a copy of it where it does not belong to root and our units would refuse it. */
export function nodeOfRoot(): string {
  const { uid, mode } = statSync(process.execPath);
  if (uid === 0 && (mode & 0o022) === 0) return process.execPath;
  const copy = join(CACHE, `node-${process.version}-${process.arch}`);
  if (!existsSync(copy)) {
    copyFileSync(process.execPath, `${copy}.${process.pid}`);
    chmodSync(`${copy}.${process.pid}`, 0o755);
    renameSync(`${copy}.${process.pid}`, copy);
  }
  return copy;
}

interface Apt {
  suite: string;
  /** Lines of a sources.list. */
  sources: string[];
  /** How it gets there: proxies and the like. */
  aptOptions: string[];
}

/** The release, mirrors and ways to them that apt uses here, so that nothing of it has to be known in advance. */
async function aptOfThisMachine(): Promise<Apt> {
  const suite = (await wordsOf(['sh', '-c', '. /etc/os-release && echo "$VERSION_CODENAME"'])).trim();
  if (suite === '') throw new Error('/etc/os-release names no release');
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT) $(SIGNED_BY)';
  const targets = await wordsOf(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages']);
  const sources = targets.split('\n').flatMap((line) => {
    const [uri = '', release = '', component, signedBy = ''] = line.split(' ');
    const isOfRelease = [suite, `${suite}-updates`, `${suite}-security`].includes(release);
    if (!isOfRelease || component !== 'main') return [];
    return [`deb ${signedBy.startsWith('/') ? `[signed-by=${signedBy}] ` : ''}${uri} ${release} ${component}`];
  });
  if (sources.length === 0) throw new Error(`apt of this machine has no source for ${suite} main`);
  const settings = await wordsOf(['apt-config', 'dump']);
  const aptOptions = settings
    .split('\n')
    .filter((line) => /^Acquire::(https?(::\S*)?::(Proxy|CA)\S*|Check-Valid-Until) "[^"]+";$/i.test(line));
  return { suite, sources: [...new Set(sources)], aptOptions };
}

async function wordsOf(argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await collect(argv, { timeoutMs: 30_000 });
  if (code !== 0) throw new Error(`${argv[0]} ended with ${code}: ${stderr.trim()}`);
  return stdout;
}

function forgetUnused(): void {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    if (Date.now() - statSync(path).mtimeMs > UNUSED_LIMIT_MS) rmSync(path, { recursive: true, force: true });
  }
}
