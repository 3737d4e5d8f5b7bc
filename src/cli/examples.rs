//! The examples at the end of each command's help.

pub(super) const BUILD: &str = "\
Examples:
  edeliver build release
  edeliver build release --branch=main --auto-version=git-revision
  edeliver build upgrade --with=1.4.0";
pub(super) const BUILD_RELEASE: &str = "\
Examples:
  edeliver build release
  edeliver build release --tag=v1.5.0
  edeliver build release --branch=main --auto-version=revision+branch
  edeliver build release --skip-git-clean --skip-mix-clean -V
  BUILD_HOST=build-2.acme.com edeliver build release";
pub(super) const BUILD_UPGRADE: &str = "\
Examples:
  edeliver build upgrade --with=1.4.0
  edeliver build upgrade --from=v1.4.0 --to=v1.5.0 --branch=main";
pub(super) const BUILD_APPUPS: &str = "\
Examples:
  edeliver build appups --with=1.4.0
  edeliver build appups --from=v1.4.0 --to=v1.5.0";
pub(super) const DEPLOY: &str = "\
Examples:
  edeliver deploy release
  edeliver deploy release to production --version=1.5.0 --start-deploy
  edeliver deploy upgrade to production --version=1.5.0";
pub(super) const DEPLOY_RELEASE: &str = "\
Examples:
  edeliver deploy release
  edeliver deploy release to production --start-deploy
  edeliver deploy release to production --start-deploy --plan
  edeliver deploy release to production --start-deploy --migrate
  edeliver deploy release to production --start-deploy --batch=2
  edeliver deploy release to production --version=1.5.0 --host=web-2.acme.com
  edeliver deploy release to local";
pub(super) const DEPLOY_UPGRADE: &str = "\
Examples:
  edeliver deploy upgrade
  edeliver deploy upgrade to production --version=1.5.0";
pub(super) const UPDATE: &str = "\
Examples:
  edeliver update
  edeliver update production --branch=main --start-deploy";
pub(super) const UPGRADE: &str = "\
Examples:
  edeliver upgrade
  edeliver upgrade production --branch=main --auto-version=revision";
pub(super) const ROLLBACK: &str = "\
Examples:
  edeliver rollback
  edeliver rollback release to production
  edeliver rollback production --plan
  edeliver rollback production --version=1.4.0";
pub(super) const STATUS: &str = "\
Examples:
  edeliver status
  edeliver status production
  edeliver status production --json";
pub(super) const HISTORY: &str = "\
Examples:
  edeliver history
  edeliver history production --json";
pub(super) const RECOVER: &str = "\
Examples:
  edeliver recover
  edeliver recover production
  edeliver recover production --host=web-2.acme.com";
pub(super) const DRILL: &str = "\
Examples:
  edeliver drill staging";
pub(super) const DOCTOR: &str = "\
Examples:
  edeliver doctor
  edeliver doctor build
  edeliver doctor production";
pub(super) const START: &str = "\
Examples:
  edeliver start
  edeliver start production
  edeliver start production --host=web-2.acme.com -V";
pub(super) const STOP: &str = "\
Examples:
  edeliver stop
  edeliver stop production
  edeliver stop production --host=web-2.acme.com";
pub(super) const RESTART: &str = "\
Examples:
  edeliver restart
  edeliver restart production
  edeliver restart production --batch=1";
pub(super) const PING: &str = "\
Examples:
  edeliver ping
  edeliver ping production";
pub(super) const VERSION: &str = "\
Examples:
  edeliver version
  edeliver version production";
pub(super) const MIGRATE: &str = "\
Examples:
  edeliver migrate
  edeliver migrate production up
  edeliver migrate production down --version=20240131120000";
pub(super) const MIGRATIONS: &str = "\
Examples:
  edeliver migrations
  edeliver show migrations on production";
pub(super) const REMOTE_CONSOLE: &str = "\
Examples:
  edeliver remote_console
  edeliver remote_console production --host=web-2.acme.com";
pub(super) const LOGS: &str = "\
Examples:
  edeliver logs
  edeliver logs production -f
  edeliver logs production --host=web-2.acme.com --lines=500";
pub(super) const SHOW: &str = "\
Examples:
  edeliver show releases
  edeliver show relup my_app_1.5.0.upgrade.tar.gz
  edeliver show migrations on production";
pub(super) const SHOW_RELEASES: &str = "\
Examples:
  edeliver show releases
  edeliver show releases --long
  edeliver show releases --store=s3://my-bucket/my_app --json
  edeliver show releases --deployed";
pub(super) const SHOW_APPUPS: &str = "\
Examples:
  edeliver show appups";
pub(super) const SHOW_RELUP: &str = "\
Examples:
  edeliver show relup my_app_1.5.0.upgrade.tar.gz";
pub(super) const EDIT: &str = "\
Examples:
  edeliver edit relup --version=1.5.0";
pub(super) const EDIT_RELUP: &str = "\
Examples:
  edeliver edit relup
  edeliver edit relup --version=1.5.0
  EDELIVER_EDITOR=nano edeliver edit relup";
pub(super) const EDIT_APPUPS: &str = "\
Examples:
  edeliver edit appups --version=1.5.0";
pub(super) const UPLOAD: &str = "\
Examples:
  edeliver upload release 1.5.0
  edeliver upload upgrade 1.5.0
  edeliver upload release 1.5.0 --store=deploy@store.example.com:/srv/releases
  edeliver upload build/my_app.tar.gz my_app_1.5.0.release.tar.gz";
pub(super) const DOWNLOAD: &str = "\
Examples:
  edeliver download release 1.5.0
  edeliver download release 1.5.0 /tmp/
  edeliver download my_app_1.5.0.upgrade.tar.gz";
pub(super) const INCREASE: &str = "\
Examples:
  edeliver increase versions
  edeliver increase minor versions
  edeliver increase major versions --from=v1.4.0 --to=main";
pub(super) const PACK: &str = "\
Examples:
  edeliver pack release --version=1.5.0
  edeliver pack upgrade";
pub(super) const UNPACK: &str = "\
Examples:
  edeliver unpack release --version=1.5.0
  edeliver unpack upgrade --force";
pub(super) const CHECK: &str = "\
Examples:
  edeliver check config
  edeliver check config --json
  edeliver check release --version=1.5.0";
pub(super) const CHECK_CONFIG: &str = "\
Examples:
  edeliver check config
  edeliver check config production
  edeliver check config --json
  edeliver check config --differences";
pub(super) const CHECK_RELEASE: &str = "\
Examples:
  edeliver check release --version=1.5.0";
pub(super) const COMPLETIONS: &str = "\
Examples:
  edeliver completions bash > ~/.local/share/bash-completion/completions/edeliver
  edeliver completions zsh > ~/.zfunc/_edeliver
  edeliver completions fish > ~/.config/fish/completions/edeliver.fish";
pub(super) const INIT: &str = "\
Examples:
  edeliver init
  edeliver init --build=build@build.acme.com --production=deploy@web-1.acme.com,deploy@web-2.acme.com
  edeliver init --build=local --plan";
pub(super) const MAN: &str = "\
Examples:
  edeliver man > ~/.local/share/man/man1/edeliver.1";
