//! Seeded secrets never appear; ordinary values do.

use proptest::prelude::*;

use super::*;

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn environment_names_always_and_values_rarely() {
    for (entry, expected) in [
        ("PATH=/usr/bin:/bin", "/usr/bin:/bin"),
        ("LC_ALL=C.UTF-8", "C.UTF-8"),
        ("NGINX_VERSION=1.25.3", "1.25.3"),
        ("PORT=8080", "8080"),
        ("DATABASE=orders", SET),
        ("POSTGRES_PASSWORD=x", SET),
        ("HOME=postgres://u:hunter2@db/x", SET),
        ("TERM=ghp_16C7e42F292c6912E7710c838347Ae178B4a", SET),
        ("TOKEN_VERSION=1", SET),
        ("EMPTY=", SET),
        ("BARE", ""),
    ] {
        let mut redactor = Redactor::new(&strings(&[entry]));
        let shown = redactor.env(&strings(&[entry]));
        let name = entry.split('=').next().unwrap_or_default();
        assert_eq!(shown, [(name.to_owned(), expected.to_owned())], "{entry}");
        assert_eq!(redactor.hidden(), usize::from(expected == SET), "{entry}");
    }
}

/// Commands with the secrets that they hold; `|` parts words.
const COMMANDS: [(&str, &str); 49] = [
    ("app|--token=s3cr3t", "app|--token=(hidden)"),
    ("app|--password=a b'c,d&e", "app|--password=(hidden)"),
    ("app|--password|s3cr3t|--verbose", "app|--password|(hidden)|--verbose"),
    ("app|--dbPassword|s3cr3t", "app|--dbPassword|(hidden)"),
    ("docker|run|-e|MODE=s3cr3t|img", "docker|run|-e|MODE=(hidden)|img"),
    ("docker|run|-e|mode=s3cr3t|img", "docker|run|-e|mode=(hidden)|img"),
    ("docker|run|-e|TZ=UTC|img", "docker|run|-e|TZ=UTC|img"),
    ("docker|run|--env=KEYS=s3cr3t", "docker|run|--env=KEYS=(hidden)"),
    ("docker|run|-eMODE=s3cr3t", "docker|run|-eMODE=(hidden)"),
    ("psql|postgres://bob:s3cr3t@db:5432/x", "psql|postgres://(hidden)@db:5432/x"),
    ("psql|postgres://bob:s3c/r3t@db:5432/x", "psql|postgres://(hidden)@db:5432/x"),
    ("go|bob:s3cr3t@tcp(db:3306)/x", "go|bob:(hidden)@tcp(db:3306)/x"),
    ("curl|https://h/p?api_key=s3cr3t&x=1", "curl|https://h/p?api_key=(hidden)"),
    ("curl|-u|bob:s3cr3t|http://h/", "curl|-u|bob:(hidden)|http://h/"),
    ("sh|-c|curl -u bob:s3cr3t http://h/", "sh|-c|curl -u bob:(hidden) http://h/"),
    (
        "sh|-c|curl -H 'Authorization: Bearer s3cr3t' http://h/",
        "sh|-c|curl -H 'Authorization: Bearer (hidden) http://h/",
    ),
    ("curl|-H|Authorization:|Bearer|s3cr3t|h", "curl|-H|Authorization:|(hidden)|(hidden)|h"),
    ("app|--token|basic|s3cr3t|h", "app|--token|(hidden)|(hidden)|h"),
    ("app|--user|basic|bob|h", "app|--user|basic|bob|h"),
    ("sh|-c|curl -H \"X-Token: s3cr3t\"", "sh|-c|curl -H \"X-Token: (hidden)"),
    ("sh|-c|PGPASSWORD=s3cr3t psql -h db", "sh|-c|PGPASSWORD=(hidden) psql -h db"),
    ("sh|-c|MODE='s3 cr3t' app --fast", "sh|-c|MODE='(hidden)' app --fast"),
    ("sh|-c|app --secret s3cr3t; sleep 1", "sh|-c|app --secret (hidden) sleep 1"),
    ("app|{\"password\":\"s3\\\"cr3t\",\"n\":1}", "app|{\"password\":\"(hidden)\",\"n\":1}"),
    ("app|X-Api-Key:s3cr3t", "app|X-Api-Key:(hidden)"),
    ("mysql|-uroot|-ps3cr3t", "mysql|-uroot|-p(hidden)"),
    ("redis-cli|-a|s3cr3t|ping", "redis-cli|-a|(hidden)|ping"),
    ("sshpass|-p|s3cr3t|ssh|h", "sshpass|-p|(hidden)|ssh|h"),
    ("sh|-c|mysql -ps3cr3t --password=s3cr3t db", "sh|-c|mysql -p(hidden) --password=(hidden) db"),
    ("sh|-c|mysql -p's3 cr3t' db", "sh|-c|mysql -p'(hidden)' db"),
    ("sh|-c|mysql -p db", "sh|-c|mysql -p db"),
    ("sh|-c|mkdir -p s3/x -pv", "sh|-c|mkdir -p s3/x -pv"),
    ("sh|-c|redis-cli -a s3cr3t ping", "sh|-c|redis-cli -a (hidden) ping"),
    ("sh|-c|sshpass -ps3cr3t ssh h", "sh|-c|sshpass -p(hidden) ssh h"),
    ("sh|-c|cd /x; export X=s3cr3t && go", "sh|-c|cd /x; export X=(hidden) && go"),
    ("sh|-c|export mode=s3cr3t; go", "sh|-c|export mode=(hidden) go"),
    ("sh|-c|my_key2=s3cr3t go", "sh|-c|my_key2=(hidden) go"),
    ("env|passfrase=s3cr3t|go", "env|passfrase=(hidden)|go"),
    ("sh|-c|export TZ=UTC; i=7 go", "sh|-c|export TZ=UTC; i=7 go"),
    ("psql|-c|ALTER USER x PASSWORD 's3cr3t'", "psql|-c|ALTER USER x PASSWORD '(hidden)'"),
    (
        "mysql|-e|CREATE USER x IDENTIFIED BY 's3cr3t'",
        "mysql|-e|CREATE USER x IDENTIFIED BY '(hidden)'",
    ),
    (
        "mysql|-e|alter user x identified with y by 's3' t",
        "mysql|-e|alter user x identified with y by '(hidden)' t",
    ),
    ("psql|-c|SELECT * FROM x ORDER BY 'y'", "psql|-c|SELECT * FROM x ORDER BY 'y'"),
    ("mongosh|-u|root|-p|s3cr3t", "mongosh|-u|root|-p|(hidden)"),
    ("mysqladmin|password|s3cr3t", "mysqladmin|password|(hidden)"),
    ("app|password|reset", "app|password|reset"),
    ("app|AKIAIOSFODNN7EXAMPLE", "app|(hidden)"),
    ("app|9f86d081884c7d659a2feaa0c55ad015", "app|(hidden)"),
    ("app|Zm9vYmFyQmF6UXV4Q29ycmVjdEhvcnNl", "app|(hidden)"),
];

#[test]
fn arguments_lose_their_secrets_only() {
    for (given, expected) in COMMANDS {
        let words: Vec<String> = given.split('|').map(str::to_owned).collect();
        let mut redactor = Redactor::new(&[]);
        let shown = redactor.command(&words).join("|");
        assert_eq!(shown, expected);
        assert_eq!(redactor.hidden(), expected.matches(HIDDEN).count(), "{given}");
    }
}

#[test]
fn ordinary_arguments_stay() {
    for word in [
        "nginx",
        "-g",
        "daemon off;",
        "--config=/etc/nginx/nginx.conf",
        "--listen=0.0.0.0:8080",
        "http://api.internal:8080/v1/health?full=1",
        "registry.local:5000/team/my-service:1.2.3",
        "nginx:1.25@sha256:9f86d081884c7d659a2feaa0c55ad0159f86d081884c7d659a2feaa0c55ad015",
        "/usr/local/lib/python3.11/site-packages/app/main.py",
        "org.springframework.boot.loader.JarLauncher",
        "x86_64-unknown-linux-gnu",
        "backup-2026-11-21-073000.tar.gz",
        "20261121T073000Z",
        "while true; do echo tick; sleep 1; done",
        "--max-old-space-size=4096",
        "git@github.com:org/repo.git",
        "The token bucket is full",
    ] {
        let mut redactor = Redactor::new(&[]);
        assert_eq!(redactor.command(&strings(&["app", word])), ["app", word]);
        assert_eq!(redactor.hidden(), 0, "{word}");
    }
}

#[test]
fn learned_values_do_not_come_back() {
    let env = strings(&["DB_PASSWORD=hunter2!", "MODE=blue-green", "PIN=4711", "A=no"]);
    let mut redactor = Redactor::new(&env);
    let words = strings(&["app", "x-hunter2!-y", "blue-green", "4711", "port:47110", "no"]);
    assert_eq!(
        redactor.command(&words),
        ["app", "x-(hidden)-y", "(hidden)", "(hidden)", "port:47110", "no"]
    );
    let labels = BTreeMap::from([
        ("a.mode".to_owned(), "blue-green".to_owned()),
        ("a.note".to_owned(), "uses hunter2!".to_owned()),
    ]);
    let shown = redactor.labels(&labels);
    assert_eq!(shown[0].1, "blue-green");
    assert_eq!(shown[1].1, HIDDEN);
    assert_eq!(redactor.text("exec: \"hunter2!\": not found"), "exec: \"(hidden)\": not found");
}

#[test]
fn labels_are_shown_whole_or_not_at_all() {
    for (key, value, shown) in [
        ("com.docker.compose.service", "web", true),
        ("com.docker.compose.config-hash", &"0a1b2c3d".repeat(8) as &str, true),
        ("org.opencontainers.image.revision", "9f86d081884c7d659a2feaa0c55ad01512345678", true),
        (
            "com.docker.compose.depends_on",
            "db:service_started:true,cache:service_healthy:false",
            true,
        ),
        ("maintainer", "NGINX Docker Maintainers <docker-maint@nginx.com>", true),
        ("org.opencontainers.image.authors", "Some Body", true),
        ("traefik.http.routers.web.rule", "Host(`example.org`)", true),
        ("traefik.http.middlewares.a.basicauth.users", "bob:$apr1$x$y", false),
        ("app.token", "x", false),
        ("app.clientKey", "x", false),
        ("app.dsn", "x", false),
        ("app.db", "postgres://bob:pw@db/x", false),
        ("app.note", "password=x", false),
        ("app.note", "9f86d081884c7d659a2feaa0c55ad015", false),
        ("app.hash", "not-hex-ghp_16C7e42F292c6912E7710c838347Ae178B4a", false),
    ] {
        let mut redactor = Redactor::new(&[]);
        let out = redactor.labels(&BTreeMap::from([(key.to_owned(), value.to_owned())]));
        let expected = if shown { value } else { HIDDEN };
        assert_eq!(out, [(key.to_owned(), expected.to_owned())]);
        assert_eq!(redactor.hidden(), usize::from(!shown), "{key}");
    }
}

proptest! {
    #[test]
    fn a_seeded_secret_never_appears(
        secret in "[a-zA-Z0-9!#$%^*+_.~]{6,40}",
        form in 0_usize..8,
        name in "(API_TOKEN|DB_PASSWORD|MY_SECRET|SSH_KEY)",
    ) {
        let secret = format!("Q{secret}Z9");
        let word = match form {
            0 => format!("--token={secret}"),
            1 => format!("{name}={secret} run"),
            2 => format!("postgres://bob:{secret}@db/x"),
            3 => format!("curl -H 'Authorization: Bearer {secret}' h"),
            4 => format!("{{\"password\": \"{secret}\"}}"),
            5 => format!("--password {secret}"),
            6 => format!("run --user=bob --api-key '{secret}' now"),
            _ => format!("https://h/?a=1&access_token={secret}"),
        };
        let shown = Redactor::new(&[]).command(std::slice::from_ref(&word)).join(" ");
        prop_assert!(!shown.contains(&secret), "{} became {}", word, shown);
        let env = vec![format!("{name}={secret}")];
        let mut learned = Redactor::new(&env);
        let anywhere = learned.command(&[format!("x{secret}y"), secret.clone()]).join(" ");
        prop_assert!(!anywhere.contains(&secret), "{}", anywhere);
        prop_assert_eq!(learned.env(&env), vec![(name, SET.to_owned())]);
    }

    #[test]
    fn any_text_is_taken(words in proptest::collection::vec(any::<String>(), 0..6)) {
        let mut redactor = Redactor::new(&words);
        let shown = redactor.command(&words);
        prop_assert_eq!(shown.len(), words.len());
    }
}
