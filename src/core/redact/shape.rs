//! What secrets look like: their names, their prefixes, their disorder.

/// Parts of a name that make it a secret's, wherever they stand.
const ANYWHERE: [&str; 8] =
    ["apikey", "authkey", "credential", "passphrase", "passw", "secret", "token", "webhook"];

/// Words of a name that make it a secret's.
const WORDS: [&str; 23] = [
    "auth",
    "authn",
    "authorization",
    "basicauth",
    "bearer",
    "conn",
    "cookie",
    "cookies",
    "cred",
    "creds",
    "dsn",
    "jwt",
    "key",
    "keys",
    "mnemonic",
    "otp",
    "pass",
    "pat",
    "pin",
    "pw",
    "pwd",
    "salt",
    "seed",
];

/// Ends of a name's words that make it a secret's.
const ENDS: [&str; 4] = ["auth", "key", "pass", "pwd"];

/// Parts of a variable's name that may make it a secret's, wherever they stand.
const VARIABLES: [&str; 7] = ["auth", "cred", "key", "pass", "pwd", "secret", "token"];

/// What the tokens of well-known services begin with.
const PREFIXES: [&str; 24] = [
    "AIza",
    "AKIA",
    "ASIA",
    "SG.",
    "dckr_pat_",
    "dop_v1_",
    "eyJ",
    "ghp_",
    "gho_",
    "ghr_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "hf_",
    "npm_",
    "pypi-",
    "rk_live_",
    "shpat_",
    "sk-",
    "sk_live_",
    "xapp-",
    "xoxb-",
    "xoxp-",
];

/// The last words of label keys whose values are digests.
const DIGESTS: [&str; 6] = ["commit", "digest", "hash", "image", "revision", "sha"];

/// The shortest word that can be a secret by its shape, in bytes.
const SHAPE_BYTES_MIN: usize = 16;

/// Whether something of this name is a secret.
pub(super) fn names_secret(name: &str) -> bool {
    words(name).iter().any(|word| {
        WORDS.contains(&word.as_str())
            || ANYWHERE.iter().any(|part| word.contains(part))
            || ENDS.iter().any(|end| word.ends_with(end))
    }) || ANYWHERE.iter().any(|part| squeezed(name).contains(part))
}

/// Whether a variable of this name may hold a secret: where one is set, more is hidden than where
/// a flag is given or a text says something.
pub(super) fn may_name_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && VARIABLES.iter().any(|part| name.contains(part))
}

/// A name without its separators, in lower case, so that `api-key` reads `apikey`.
fn squeezed(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The words of a name in lower case: `clientKey` and `client_key` have two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (lower && c.is_uppercase()) {
            words.push(String::new());
        }
        lower = c.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words
}

/// Whether this is a variable's name in the usual upper case.
pub(super) fn is_env_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether a label by its name and its form holds the digest of something public.
pub(super) fn is_digest_label(key: &str, value: &str) -> bool {
    let named = words(key).last().is_some_and(|last| DIGESTS.contains(&last.as_str()));
    let hex = value.strip_prefix("sha256:").unwrap_or(value);
    named && hex.len() <= 64 && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether a word is a secret by its shape.
pub(super) fn is_secret_word(word: &str) -> bool {
    let word = word.split("sha256:").next().unwrap_or(word);
    if word.len() < SHAPE_BYTES_MIN {
        return false;
    }
    let parts = || word.split(['/', ':', '.', '@', '?', '#', '%']);
    PREFIXES.iter().any(|prefix| word.starts_with(prefix))
        || parts().any(|part| PREFIXES.iter().any(|p| part.starts_with(p) && part.len() > 24))
        || parts().any(is_disordered)
}

/// Whether a word changes between letters and digits, or between cases, as only chance does.
fn is_disordered(word: &str) -> bool {
    let (mut letters, mut digits, mut mixed, mut cases) = (0, 0, 0, 0);
    let bytes = word.as_bytes();
    for byte in bytes {
        letters += usize::from(byte.is_ascii_alphabetic());
        digits += usize::from(byte.is_ascii_digit());
    }
    for (a, b) in bytes.iter().zip(bytes.iter().skip(1)) {
        let alphanumeric = a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric();
        mixed += usize::from(alphanumeric && a.is_ascii_digit() != b.is_ascii_digit());
        let both = a.is_ascii_alphabetic() && b.is_ascii_alphabetic();
        cases += usize::from(both && a.is_ascii_uppercase() != b.is_ascii_uppercase());
    }
    let len = bytes.len();
    let by_digits = letters >= 4 && digits >= 3 && mixed >= 3 && mixed * 6 >= len;
    let by_case = cases * 5 >= len * 2 || (digits > 0 && cases * 3 >= len);
    len >= SHAPE_BYTES_MIN && (by_digits || by_case)
}

/// Where the login in a blank-free piece of text stands: `scheme://user:password@`,
/// `user:password@host`, and where a login is expected, `user:password`.
pub(super) fn login_end(chunk: &str, expected: bool) -> Option<(usize, usize)> {
    let last_at = chunk.rfind('@').filter(|at| !chunk.get(at + 1..).is_some_and(is_digest));
    if let Some((scheme, rest)) = chunk.split_once("://") {
        let start = scheme.len() + 3;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let odd_port = authority
            .split_once(':')
            .is_some_and(|(_, port)| !port.bytes().all(|b| b.is_ascii_digit()));
        let end = if odd_port || authority.contains('@') { last_at } else { None };
        return end.filter(|end| *end > start).map(|end| (start, end));
    }
    let (user, _) = chunk.split_once(':')?;
    let plain = !user.is_empty() && !user.contains(['/', '@', '=', '"', '\'']);
    let start = user.len() + 1;
    match last_at.filter(|at| plain && *at > start) {
        Some(end) => Some((start, end)),
        None if expected && chunk.len() > start => Some((start, chunk.len())),
        None => None,
    }
}

fn is_digest(text: &str) -> bool {
    text.starts_with("sha256:")
}
