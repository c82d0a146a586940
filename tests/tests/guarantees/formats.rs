//! Session types that differ in how they are stored alone, and tests that run with each of them.

/// The types `AsMap`, `AsBytes` and `Compressed` with these options and fields, and these items of this trait.
macro_rules! types_in_every_format {
    ([$($option:tt)*] {$($field:tt)*} $shop:ident {$($item:tt)*}) => {
        types_in_every_format!(@type AsMap [data = "map"] [$($option)*] {$($field)*} $shop {$($item)*});
        types_in_every_format!(@type AsBytes [data = "binary"] [$($option)*] {$($field)*} $shop {$($item)*});
        types_in_every_format!(
            @type Compressed [data = "binary", compress = "zstd"] [$($option)*] {$($field)*} $shop {$($item)*}
        );
    };
    (@type $name:ident [$($data:tt)*] [$($option:tt)*] {$($field:tt)*} $shop:ident {$($item:tt)*}) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", type_name = "app", $($option)*, $($data)*)]
        #[serde(default)]
        pub(super) struct $name {
            $($field)*
        }

        impl $shop for $name {
            $($item)*
        }
    };
}

/// Runs each of these for sessions in every format.
macro_rules! in_every_format {
    ($($test:ident)*) => {$(
        #[tokio::test]
        async fn $test() {
            check::$test::<AsMap>().await;
            check::$test::<AsBytes>().await;
            check::$test::<Compressed>().await;
        }
    )*};
}
