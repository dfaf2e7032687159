package healthcheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// judge turns the error that ended a probe into its result.
func judge(ctx context.Context, err error) Result {
	if errors.Is(ctx.Err(), context.Canceled) {
		return couldNot(ReasonCanceled)
	}
	return cause(err)
}

// cause is the result that an error stands for. Inconclusive are only those
// errors that say that this host could not try.
func cause(err error) Result {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return fail(ReasonResolution)
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		if r, known := errnoCause(errno); known {
			return r
		}
	}
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return fail(ReasonTimeout)
	}
	if r, ok := tlsCause(err); ok {
		return r
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fail(ReasonClosed)
	}
	if errors.Is(err, errHandshake) {
		return fail(ReasonTLS)
	}
	return fail(ReasonProtocol)
}

func errnoCause(errno syscall.Errno) (Result, bool) {
	switch errno {
	case syscall.EMFILE, syscall.ENFILE:
		return couldNot(ReasonDescriptors), true
	case syscall.ENOBUFS, syscall.ENOMEM, syscall.EACCES, syscall.EPERM,
		syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.EPROTONOSUPPORT:
		return couldNot(ReasonNoSocket), true
	case syscall.ENETUNREACH, syscall.ENETDOWN,
		syscall.EINVAL: // a blackhole route, or a link-local address without its zone
		return couldNot(ReasonNoRoute), true
	case syscall.ECONNREFUSED:
		return fail(ReasonRefused), true
	case syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE:
		return fail(ReasonReset), true
	case syscall.EHOSTUNREACH, syscall.EHOSTDOWN, syscall.ENOPROTOOPT:
		return fail(ReasonUnreachable), true
	case syscall.ETIMEDOUT:
		return fail(ReasonTimeout), true
	}
	return Result{}, false
}

func tlsCause(err error) (Result, bool) {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch {
		case invalid.Reason == x509.Expired && invalid.Cert != nil && time.Now().Before(invalid.Cert.NotBefore):
			return fail(ReasonTLSEarly), true
		case invalid.Reason == x509.Expired:
			return fail(ReasonTLSExpired), true
		}
		return fail(ReasonTLSUntrusted), true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return fail(ReasonTLSName), true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fail(ReasonTLSUntrusted), true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fail(ReasonTLSUntrusted), true
	}
	if errors.Is(err, errExpired) {
		return fail(ReasonTLSExpired), true
	}
	if errors.Is(err, errExpiring) {
		return fail(ReasonTLSExpiring), true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) || errors.Is(err, errProtocol) {
		return fail(ReasonTLS), true
	}
	// crypto/tls keeps its alerts to itself, but names them by the operation.
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "remote error" || op.Op == "local error") {
		return fail(ReasonTLS), true
	}
	return Result{}, false
}
