//! Requests without an answer: whether one has certainly not been sent. Its outcome is then known, and it can be
//! sent again whatever it is.

use std::error::Error;
use std::io;

use aws_credential_types::provider::error::CredentialsError;

/// Why a request has certainly not been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    /// The client has no credentials to sign it with.
    NoCredentials,
    /// The credentials of the client could not be read.
    Credentials,
    /// No connection could be made: the name is not known, nothing listens, TLS has failed, or it took too long.
    Connect,
    /// The connection was closed before the request was written to it, as when its runtime has ended.
    Closed,
}

impl NotSent {
    pub(super) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        chain(error).find_map(Self::by)
    }

    /// By one error of the chain.
    fn by(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(error) = error.downcast_ref::<CredentialsError>() {
            return Some(match error {
                CredentialsError::CredentialsNotLoaded(_)
                | CredentialsError::InvalidConfiguration(_) => Self::NoCredentials,
                _ => Self::Credentials,
            });
        }
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return error.is_connect().then_some(Self::Connect);
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            // hyper gives the request back, and has not begun to write it.
            return error.is_canceled().then_some(Self::Closed);
        }
        let error = error.downcast_ref::<io::Error>()?;
        (error.kind() == io::ErrorKind::ConnectionRefused).then_some(Self::Connect)
    }

    pub(super) fn is_retryable(self) -> bool {
        self != Self::NoCredentials
    }

    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::NoCredentials => {
                "the client has no credentials, and nothing was sent; give it some, such as by the \
                 environment or a role, or `local_credentials` for DynamoDB Local"
            }
            Self::Credentials => {
                "the client's credentials could not be read, and nothing was sent; check where they come \
                 from, and try again"
            }
            Self::Connect => {
                "no connection was made, and nothing was sent; check that the endpoint is right and running, \
                 and try again"
            }
            Self::Closed => {
                "its connection was closed, as by the end of the runtime that opened it, and nothing was \
                 sent; try again"
            }
        }
    }
}

/// Whether the request of this error has certainly not been sent.
pub(super) fn was_not_sent(error: &(dyn Error + 'static)) -> bool {
    NotSent::of(error).is_some()
}

/// Whether the runtime of the connection has ended after the request was handed to it.
///
/// By then it can have been sent, and the SDK does not send it again.
pub(super) fn runtime_has_ended(error: &(dyn Error + 'static)) -> bool {
    // hyper has no other way to tell it from a request that is not valid.
    chain(error).any(|error| {
        error
            .downcast_ref::<hyper::Error>()
            .is_some_and(|error| error.is_user() && error.to_string() == "dispatch task is gone")
    })
}

/// The error and its sources.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>() {
            // Its source is that of its payload, and not the payload.
            Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use aws_smithy_runtime_api::client::result::ConnectorError;
    use hyper::client::conn::http1::handshake;
    use hyper::rt::{Read, ReadBufCursor, Write};

    use super::*;

    /// A connection that takes everything and answers nothing.
    struct Silent;

    impl Read for Silent {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: ReadBufCursor<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl Write for Silent {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// The error of a request whose connection is dropped, as by the end of its runtime: before the connection
    /// has taken the request, or after.
    fn of_dropped_connection(has_taken: bool) -> ConnectorError {
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Ok((mut sender, connection))) =
            pin!(handshake::<_, String>(Silent)).poll(&mut context)
        else {
            panic!("nothing is sent for a handshake");
        };
        let mut connection = Box::pin(connection);
        // It wants a request.
        assert!(connection.as_mut().poll(&mut context).is_pending());
        let mut sending = pin!(sender.send_request(http::Request::new(String::new())));
        assert!(sending.as_mut().poll(&mut context).is_pending());
        if has_taken {
            assert!(connection.as_mut().poll(&mut context).is_pending());
        }
        drop(connection);
        match sending.poll(&mut context) {
            Poll::Ready(Err(error)) => ConnectorError::io(error.into()),
            sent => panic!("{sent:?}"),
        }
    }

    #[test]
    fn a_request_in_the_queue_of_a_dropped_connection_was_not_sent() {
        let error = of_dropped_connection(false);
        assert_eq!(NotSent::of(&error), Some(NotSent::Closed));
        assert!(was_not_sent(&error) && !runtime_has_ended(&error));
    }

    #[test]
    fn a_request_that_a_dropped_connection_has_taken_may_have_been_sent() {
        let error = of_dropped_connection(true);
        assert!(runtime_has_ended(&error) && !was_not_sent(&error));
    }

    #[test]
    fn nothing_is_sent_without_a_connection() {
        let of_kind = |kind: io::ErrorKind| ConnectorError::io(io::Error::from(kind).into());
        let refused = of_kind(io::ErrorKind::ConnectionRefused);
        assert_eq!(NotSent::of(&refused), Some(NotSent::Connect));
        let inside = io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert!(was_not_sent(&ConnectorError::io(inside.into())));
        for kind in [
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::BrokenPipe,
            io::ErrorKind::UnexpectedEof,
            io::ErrorKind::TimedOut,
        ] {
            assert!(!was_not_sent(&of_kind(kind)), "{kind}");
        }
    }

    #[test]
    fn nothing_is_sent_without_credentials() {
        let of = |error: CredentialsError| ConnectorError::other(error.into(), None);
        let none = of(CredentialsError::not_loaded("none"));
        assert_eq!(NotSent::of(&none), Some(NotSent::NoCredentials));
        let broken = of(CredentialsError::provider_error(
            "the metadata service is away",
        ));
        assert_eq!(NotSent::of(&broken), Some(NotSent::Credentials));
        assert!(NotSent::Credentials.is_retryable() && !NotSent::NoCredentials.is_retryable());
    }
}
