use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::*;

/// A self-made authority, a certificate of it, and the certificate's key, in PEM.
fn pair() -> (String, String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let client = CertificateParams::new(vec!["client".to_owned()]).unwrap();
    let certificate = client.signed_by(&key, &issuer).unwrap().pem();
    (authority, certificate, key.serialize_pem())
}

#[test]
fn what_a_secret_may_hold() {
    let (ca, certificate, key) = pair();
    let (_, _, another) = pair();
    let chain = format!("{certificate}{ca}");
    let both = format!("{ca}\n# a comment\n{certificate}");
    let broken = certificate.replacen('M', "!", 3);
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let nonsense = key.replace("MIG", "AAA");
    type Case<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)]);
    let table: &[Case<'_>] = &[
        (&ca, "", "", &[]),
        (&both, " \n", "", &[]),
        ("", &certificate, &key, &[]),
        (&ca, &chain, &key, &[]),
        ("", "", "", &[(CA, "is missing, and so are tls.crt and tls.key")]),
        (
            "",
            &certificate,
            "",
            &[(PRIVATE_KEY, "is missing beside tls.crt")],
        ),
        (&ca, "", &key, &[(CERTIFICATE, "is missing beside tls.key")]),
        ("certificate", "", "", &[(CA, "has no certificate in PEM")]),
        (&key, "", "", &[(CA, "has no certificate in PEM")]),
        (&broken, "", "", &[(CA, "is broken PEM")]),
        ("", &broken, &key, &[(CERTIFICATE, "is broken PEM")]),
        ("", &key, &key, &[(CERTIFICATE, "has no certificate in PEM")]),
        (
            "x",
            &certificate,
            &another,
            &[
                (CA, "has no certificate in PEM"),
                (PRIVATE_KEY, "is not the key of the first certificate in tls.crt"),
            ],
        ),
        (
            "",
            &certificate,
            "key",
            &[(PRIVATE_KEY, "has no private key in PEM")],
        ),
        ("", &certificate, &encrypted, &[(PRIVATE_KEY, "is encrypted")]),
        (
            "",
            &certificate,
            &nonsense,
            &[(PRIVATE_KEY, "is of a kind that is not supported")],
        ),
    ];
    for (ca, certificate, key, expected) in table {
        let read = ClientTls::read(
            Some(ca.as_bytes()),
            Some(certificate.as_bytes()),
            Some(key.as_bytes()),
        );
        let problems = read.err().unwrap_or_default();
        let told: Vec<_> = problems
            .iter()
            .map(|problem| (problem.key, problem.message))
            .collect();
        assert_eq!(told, *expected);
    }
}

#[test]
fn other_material_is_another_identity_and_none_of_it_is_shown() {
    let (ca, certificate, key) = pair();
    let read = |ca: Option<&String>, certificate: Option<&String>, key: Option<&String>| {
        let bytes = |text: Option<&'_ String>| text.map(|text| text.as_bytes().to_vec());
        let (ca, certificate, key) = (bytes(ca), bytes(certificate), bytes(key));
        ClientTls::read(ca.as_deref(), certificate.as_deref(), key.as_deref()).unwrap()
    };
    let whole = read(Some(&ca), Some(&certificate), Some(&key));
    assert_eq!(whole, read(Some(&ca), Some(&certificate), Some(&key)));
    assert_ne!(whole, read(Some(&ca), None, None));
    assert_ne!(whole, read(None, Some(&certificate), Some(&key)));
    assert_eq!(
        format!("{whole:?}"),
        "ClientTls { own_authorities: 1, client_certificate: true, .. }"
    );
}
