//! Snapshots of the generated code, one for each feature.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::DeriveInput;

use crate::derive;

/// Compares the struct and the code generated for it with the snapshot of this name.
fn assert_expansion(name: &str, input: TokenStream) {
    let input: DeriveInput = syn::parse2(input).unwrap();
    let output = pretty(derive(&input));
    let input = pretty(input.into_token_stream());
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, format!("{input}\n// becomes\n\n{output}")));
}

fn pretty(tokens: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

#[test]
fn nothing_promoted() {
    assert_expansion(
        "nothing_promoted",
        quote! {
            struct Session {
                user_id: Option<String>,
            }
        },
    );
}

#[test]
fn promoted() {
    assert_expansion(
        "promoted",
        quote! {
            struct Session {
                #[dynamo(attr = "theme")]
                theme: String,
            }
        },
    );
}

#[test]
fn index() {
    assert_expansion(
        "index",
        quote! {
            struct Session {
                #[dynamo(attr = "user_id", index)]
                user_id: Option<String>,
                #[dynamo(attr = "t", index(name = "by-tenant"))]
                tenant: u64,
            }
        },
    );
}

#[test]
fn consistent_index() {
    assert_expansion(
        "consistent_index",
        quote! {
            struct Session {
                #[dynamo(attr = "user_id", index(consistent, limit = 10))]
                user_id: Option<String>,
                #[dynamo(attr = "seat", index(consistent, limit = 1, on_limit = reject))]
                seat: u64,
                #[dynamo(attr = "tenant", index(consistent))]
                tenant: u64,
            }
        },
    );
}

#[test]
fn limit_of_one_session() {
    assert_expansion(
        "limit_of_one_session",
        quote! {
            #[dynamo(
                attr = "team",
                with = Session::team,
                key = String,
                index(consistent, limit_by = Session::team_seats, on_limit = reject)
            )]
            struct Session {
                #[dynamo(attr = "user_id", index(consistent, limit = 5, limit_by = plans::sessions))]
                user_id: Option<String>,
            }
        },
    );
}

#[test]
fn sharded_index() {
    assert_expansion(
        "sharded_index",
        quote! {
            struct Session {
                #[dynamo(attr = "tenant", index(shards = 16))]
                tenant: u64,
                #[dynamo(attr = "t", index(name = "by-team", shards = 2))]
                team: Option<String>,
            }
        },
    );
}

#[test]
fn with() {
    assert_expansion(
        "with",
        quote! {
            struct Session {
                #[dynamo(attr = "roles", with = as_string_set)]
                roles: BTreeSet<String>,
                #[dynamo(attr = "teams", index, with = Teams::first, key = TeamId)]
                teams: Teams,
            }
        },
    );
}

#[test]
fn computed() {
    assert_expansion(
        "computed",
        quote! {
            #[dynamo(attr = "is-admin", with = Session::is_admin)]
            #[dynamo(attr = "2nd", with = Self::second, index, key = u64)]
            struct Session {
                user_id: Option<String>,
            }
        },
    );
}

#[test]
fn table() {
    assert_expansion(
        "table",
        quote! {
            #[dynamo(table = "app-sessions", idle_timeout = "90s")]
            #[dynamo(absolute_timeout = "1h 500ms", type_name = "app/session", session_type = "type")]
            struct Session {
                user_id: Option<String>,
            }
        },
    );
}

#[test]
fn guests() {
    assert_expansion(
        "guests",
        quote! {
            #[dynamo(guest_idle_timeout = "10m", guest_absolute_timeout = "1h", absolute = "longest")]
            struct Session {
                #[dynamo(attr = "user_id", index, user)]
                user_id: Option<String>,
            }
        },
    );
}

#[test]
fn timeouts_of_a_standard() {
    assert_expansion(
        "timeouts_of_a_standard",
        quote! {
            #[dynamo(timeouts = "nist-800-63b-4-aal1", absolute_timeout = "8h")]
            struct Session {
                user_id: Option<String>,
                user_id: Option<String>,
            }
        },
    );
}

#[test]
fn forgotten() {
    assert_expansion(
        "forgotten",
        quote! {
            #[dynamo(table = "app-sessions", forget("email", "ip"))]
            #[dynamo(forget("user-agent"))]
            struct Session {
                user_id: Option<String>,
            }
        },
    );
}

#[test]
fn shared_table() {
    assert_expansion(
        "shared_table",
        quote! {
            #[dynamo(id = "pk", expires_at = "ttl", revoke_all)]
            #[dynamo(key_prefix = "SESSION#", sort_key(name = "sk", value = "SESSION"))]
            struct Session {
                #[dynamo(attr = "id", index)]
                user_id: Option<String>,
            }
        },
    );
}

#[test]
fn crate_path() {
    assert_expansion(
        "crate_path",
        quote! {
            #[dynamo(crate = "crate::facade::store")]
            struct Session {
                #[dynamo(attr = "user_id", index)]
                user_id: Option<String>,
                #[dynamo(attr = "theme")]
                theme: String,
            }
        },
    );
}

#[test]
fn visibility_and_raw_identifiers() {
    assert_expansion(
        "visibility_and_raw_identifiers",
        quote! {
            pub(crate) struct Session {
                #[dynamo(attr = "type", index)]
                r#type: String,
                #[dynamo(attr = "theme")]
                theme: String,
            }
        },
    );
}

#[test]
fn serde_names() {
    assert_expansion(
        "serde_names",
        quote! {
            #[serde(rename_all = "camelCase")]
            struct Session {
                user_id: u64,
                #[serde(rename = "org", alias = "tenant", alias = "company")]
                tenant_id: u64,
                #[serde(skip)]
                in_memory: u64,
                #[serde(skip_serializing)]
                only_read: u64,
            }
        },
    );
}

#[test]
fn serde_flatten() {
    assert_expansion(
        "serde_flatten",
        quote! {
            struct Session {
                user_id: u64,
                #[dynamo(attr = "device", with = Device::name)]
                #[serde(flatten)]
                device: Device,
            }
        },
    );
}

#[test]
fn serde_functions() {
    assert_expansion(
        "serde_functions",
        quote! {
            struct Session {
                #[dynamo(attr = "colour")]
                #[serde(with = "hex")]
                colour: u32,
                #[dynamo(attr = "background")]
                #[serde(serialize_with = "hex::write")]
                background: u32,
                #[dynamo(attr = "cart")]
                #[serde(skip_serializing_if = "Vec::is_empty")]
                cart: Vec<u32>,
                #[dynamo(attr = "user_id", index)]
                #[serde(skip_serializing_if = "String::is_empty")]
                user_id: String,
            }
        },
    );
}

#[test]
fn fallback() {
    assert_expansion(
        "fallback",
        quote! {
            pub struct Session {
                #[dynamo(attr = "id", index)]
                user_id: Option<String>,
                #[dynamo(attr = "", index, with = first)]
                roles: Vec<String>,
                #[dynamo(attr = "theme")]
                theme: String,
                #[dynamo(attr = "theme", index)]
                THEME: String,
            }
        },
    );
}

#[test]
fn fallback_with_parameters() {
    assert_expansion(
        "fallback_with_parameters",
        quote! {
            pub struct Session<T: Copy, const N: usize>
            where
                T: Clone,
            {
                #[dynamo(attr = "user_id", index)]
                user_id: T,
            }
        },
    );
}

#[test]
fn serde_flatten_of_several() {
    assert_expansion(
        "serde_flatten_of_several",
        quote! {
            #[dynamo(attr = "is_admin", with = Session::is_admin)]
            struct Session {
                #[dynamo(attr = "uid", index(shards = 2))]
                #[serde(alias = "user")]
                user_id: u64,
                #[dynamo(attr = "level")]
                theme: u8,
                #[serde(flatten, with = "as_map")]
                device: Device,
                #[serde(flatten, skip_serializing_if = "Option::is_none")]
                prefs: Option<Prefs>,
                #[serde(flatten, skip_serializing)]
                only_read: Old,
                #[serde(skip)]
                in_memory: u8,
            }
        },
    );
}

/// One name stands for a field and for an attribute of another.
#[test]
fn entry_and_attribute_of_one_name() {
    assert_expansion(
        "entry_and_attribute_of_one_name",
        quote! {
            #[repr(C, packed)]
            #[dynamo(attr = "d", with = Session::d)]
            struct Session {
                #[dynamo(attr = "b", with = b)]
                a: u8,
                b: u8,
                #[serde(rename = "see")]
                c: u8,
                d: u8,
            }
        },
    );
}

/// In a `macro_rules!`, a fragment such as `$name:literal` is in a group without delimiters.
fn fragment(tokens: TokenStream) -> TokenStream {
    TokenTree::Group(Group::new(Delimiter::None, tokens)).into()
}

#[test]
fn fragments_of_a_macro_are_read_as_if_written_out() {
    let session = |f: fn(TokenStream) -> TokenStream| {
        let text = |text: &str| f(text.to_token_stream());
        let (sessions, minutes, prefix, sk) =
            (text("sessions"), text("30m"), text("S#"), text("sk"));
        let (format, zstd, user, index, type_name) = (
            text("binary"),
            text("zstd"),
            text("user"),
            text("by-user"),
            text("app"),
        );
        let (camel, renamed, alias, hex, is_zero) = (
            text("camelCase"),
            text("renamed"),
            text("older"),
            text("hex"),
            text("is_zero"),
        );
        let (ten, shards, policy) = (f(quote!(10)), f(quote!(16)), f(quote!(reject)));
        let (function, key, krate) = (
            f(quote!(Self::first)),
            f(quote!(Option<u8>)),
            f(quote!(my::store)),
        );
        let (option, of_serde) = (f(quote!(attr = "theme")), f(quote!(default = "one")));
        quote! {
            #[dynamo(table = #sessions, type_name = #type_name, idle_timeout = #minutes)]
            #[dynamo(key_prefix = #prefix, sort_key(name = #sk, value = #sk), crate = #krate)]
            #[dynamo(data(name = #camel, format = #format), compress = #zstd, session_type = #zstd)]
            #[dynamo(attr = #renamed, with = #function, index(name = #index), key = #key)]
            #[serde(rename_all = #camel, default)]
            struct Session {
                #[dynamo(attr = #user, index(consistent, limit = #ten, on_limit = #policy))]
                user_id: u8,
                #[dynamo(attr = #alias, index(shards = #shards))]
                tenant_id: u8,
                #[dynamo(#option)]
                #[serde(rename = #renamed, default = #alias, alias = #alias, #of_serde)]
                theme: u8,
                #[serde(rename(serialize = #user, deserialize = #user), with = #hex, default)]
                colour: u8,
                #[dynamo(attr = "b", with = #function)]
                #[serde(skip_serializing_if = #is_zero, serialize_with = #hex, default)]
                background: u8,
            }
        }
    };
    let expand = |input| pretty(derive(&syn::parse2(input).unwrap()));
    let expected = expand(session(|tokens| tokens));
    assert!(!expected.contains("compile_error"), "{expected}");
    assert_eq!(expand(session(fragment)), expected);
    assert_eq!(
        expand(session(|tokens| fragment(fragment(tokens)))),
        expected
    );
}

#[test]
fn an_attribute_of_serde_that_cannot_be_read_is_an_error() {
    let errors = |field: TokenStream| {
        let input = syn::parse2(quote!(struct Session { #field field: u8 })).unwrap();
        derive(&input).to_string().matches("compile_error").count()
    };
    assert_eq!(errors(quote!(#[serde()])), 0);
    for field in [
        quote!(#[serde(rename = concat!("a", "b"))]),
        quote!(#[serde(rename = b"a")]),
        quote!(#[serde(rename)]),
        quote!(#[serde(rename(serialise = "a"))]),
        quote!(#[serde(rename("a"))]),
        quote!(#[serde(alias = ALIAS)]),
        quote!(#[serde(with = hex)]),
        quote!(#[serde(with = "not a path")]),
        quote!(#[serde(skip_serializing_if = "|x| x.is_empty()")]),
        quote!(#[serde(flatten = true)]),
        quote!(#[serde(skip(serialize))]),
        quote!(#[serde(as = "u8")]),
        quote!(#[serde(cbor::tag = "u8")]),
        quote!(#[serde(renamed = "a")]),
        quote!(#[serde(rename => "a")]),
        quote!(#[serde]),
        quote!(#[serde = "a"]),
    ] {
        assert_eq!(errors(field.clone()), 1, "{field}");
    }
}
