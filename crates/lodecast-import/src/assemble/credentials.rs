//! Settings that must not be passed on: passwords, keys and tokens.

/// Does the setting hold what must not be passed on: a password, a key?
pub(crate) fn is_credential(name: &str, value: &str) -> bool {
    const WORDS: [&str; 11] = [
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "secret",
        "secrets",
        "credential",
        "credentials",
        "apikey",
        "authorization",
        "bearer",
    ];
    // Texts under these names; numbers are something else.
    const TEXTS: [&str; 7] = ["auth", "cookie", "cookies", "jwt", "key", "pass", "pat"];
    const KEYS: [&str; 11] = [
        "api_key",
        "access_key",
        "secret_key",
        "private_key",
        "auth_key",
        "ssh_key",
        "account_key",
        "signing_key",
        "wandb_key",
        "comet_key",
        "neptune_key",
    ];
    const STARTS: [&str; 9] = ["hf_", "sk-", "ghp_", "gho_", "github_pat_", "glpat-", "AKIA", "xoxb-", "eyJ"];
    let lower = name.to_lowercase().replace(['-', ' '], "_");
    let last = lower.rsplit(['.', '/']).next().unwrap_or(&lower);
    let is_text = !matches!(value.trim(), "true" | "false" | "True" | "False") && value.trim().parse::<f64>().is_err();
    let named = last.split('_').any(|word| WORDS.contains(&word))
        || KEYS.iter().any(|key| last == *key || last.ends_with(&format!("_{key}")))
        || (is_text && (last == "token" || last.ends_with("_token") && !is_token_of_text(last)));
    // "https://user:password@host", "curl -H 'Authorization: Bearer ...'".
    let in_address = value.split_once("://").and_then(|(_, rest)| rest.split(['/', ' ']).next());
    let has_password = in_address.and_then(|rest| rest.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'));
    let named = named || is_text && (TEXTS.contains(&last) || last.ends_with("_pat") || last.ends_with("_jwt"));
    named
        || has_password
        || value.contains("Bearer ")
        || (value.len() >= 20 && STARTS.iter().any(|start| value.starts_with(start)))
}

/// Is it a token that texts are made of?
fn is_token_of_text(name: &str) -> bool {
    const KINDS: [&str; 10] = ["pad", "eos", "bos", "unk", "mask", "cls", "sep", "special", "start", "end"];
    name.split('_').any(|word| KINDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_known_by_name_and_by_look() {
        for (name, value) in [
            ("api_key", "x"),
            ("wandb.api-key", "x"),
            ("HF_TOKEN", "abc"),
            ("db.password", "x"),
            ("aws_secret_access_key", "x"),
            ("hub", "hf_abcdefghijklmnopqrst"),
            ("auth_token", "y"),
            ("client_secret", "x"),
            ("wandb_key", "0123"),
            ("smtp.pass", "hunter2"),
            ("GITHUB_PAT", "x"),
            ("session_jwt", "x"),
            ("cookie", "a=b"),
            ("notes", "curl -H 'Authorization: Bearer tok'"),
            ("database", "postgresql://me:secret@host/db"),
        ] {
            assert!(is_credential(name, value), "{name}");
        }
        for (name, value) in [
            ("num_tokens", "1000"),
            ("max_token", "12"),
            ("tokens", "3"),
            ("pad_token", "<pad>"),
            ("key_dim", "64"),
            ("token", "7"),
            ("use_auth_token", "true"),
            ("secretary", "x"),
            ("optimizer", "sgd"),
            ("pass", "3"),
            ("forward_pass", "fp16"),
            ("tracking", "https://host/a@b:c"),
        ] {
            assert!(!is_credential(name, value), "{name}");
        }
    }
}
