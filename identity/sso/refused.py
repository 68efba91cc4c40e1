"""Why a sign-in is refused: the vocabulary of reason codes, and the refusal that carries one.

The code stands on the page that the person sees, in the audit log and in the attempt's row. The
sentence is for the person: what happened and what to do. What only an administrator may know (the
address that was not found, the audience that was wrong) is the refusal's `detail`, which goes to
the audit log alone.
"""

from enum import StrEnum

from identity.audit.record import AuditTarget
from identity.refusals import Refusal

_AGAIN = "Start again from the sign-in page."
_UNTRUSTED = "The answer of your identity provider could not be trusted. " + _AGAIN
_ADMIN = "Tell your administrator the reason code below."
_PROVIDER = "Your identity provider is set up in a way that we cannot use. " + _ADMIN


class Reason(StrEnum):
    """A reason code, with the HTTP status of its page and the sentence for the person."""

    status: int
    sentence: str

    def __new__(cls, value: str, status: int, sentence: str) -> "Reason":
        member = str.__new__(cls, value)
        member._value_ = value
        member.status = status
        member.sentence = sentence
        return member

    STATE_UNKNOWN = (
        "state_unknown",
        401,
        "This sign-in is not known here, or it was answered already. " + _AGAIN,
    )
    STATE_EXPIRED = "state_expired", 401, "This sign-in took too long. " + _AGAIN
    OTHER_BROWSER = (
        "other_browser",
        401,
        "This sign-in was started in another browser, or cookies are off here. " + _AGAIN,
    )
    ANSWER_MALFORMED = "answer_malformed", 401, _UNTRUSTED
    ANSWER_ISSUER = "answer_issuer", 401, _UNTRUSTED
    CODE_REFUSED = (
        "code_refused",
        401,
        "Your identity provider no longer knows this sign-in. " + _AGAIN,
    )
    ID_TOKEN_MALFORMED = "id_token_malformed", 401, _UNTRUSTED
    ID_TOKEN_ALGORITHM = "id_token_algorithm", 401, _UNTRUSTED
    ID_TOKEN_KEY = "id_token_key", 401, _UNTRUSTED
    ID_TOKEN_SIGNATURE = "id_token_signature", 401, _UNTRUSTED
    ID_TOKEN_ISSUER = "id_token_issuer", 401, _UNTRUSTED
    ID_TOKEN_AUDIENCE = "id_token_audience", 401, _UNTRUSTED
    ID_TOKEN_TIME = "id_token_time", 401, _UNTRUSTED
    ID_TOKEN_NONCE = "id_token_nonce", 401, _UNTRUSTED
    ID_TOKEN_SUBJECT = "id_token_subject", 401, _UNTRUSTED
    ID_TOKEN_ACCESS_TOKEN = "id_token_access_token", 401, _UNTRUSTED
    FINISH_UNKNOWN = (
        "finish_unknown",
        401,
        "This sign-in is finished already, or not known here. " + _AGAIN,
    )
    FINISH_EXPIRED = "finish_expired", 401, "This sign-in took too long. " + _AGAIN
    LINK_OVER = (
        "link_over",
        401,
        "This sign-in link was used already, or its time is over. Ask for a new one.",
    )
    PROVIDER_DENIED = (
        "provider_denied",
        403,
        "Your identity provider did not let you in, or you cancelled. " + _AGAIN,
    )
    NO_MEMBER = (
        "no_member",
        403,
        "There is no member here that your identity provider's account may sign in as. " + _ADMIN,
    )
    MEMBER_SUSPENDED = "member_suspended", 403, "Your membership is suspended. " + _ADMIN
    MEMBER_INVITED = (
        "member_invited",
        403,
        "Your invitation is still open. Accept it first, with the link you were sent.",
    )
    INVITATION_OVER = (
        "invitation_over",
        401,
        "This invitation was used already, was ended, or its time is over. Ask for a new one.",
    )
    OTHER_ADDRESS = (
        "other_address",
        403,
        "You are signed in with another address than the one invited. Sign out, and open it again.",
    )
    CONNECTION_OVER = (
        "connection_over",
        403,
        "Signing in by this connection is switched off. " + _ADMIN,
    )
    PROVIDER_ERROR = (
        "provider_error",
        502,
        "Your identity provider reported a failure. Try again in a few minutes.",
    )
    PROVIDER_UNREACHABLE = (
        "provider_unreachable",
        502,
        "Your identity provider does not answer. Try again in a few minutes.",
    )
    PROVIDER_ADDRESS = "provider_address", 502, _PROVIDER
    PROVIDER_ANSWER = "provider_answer", 502, _PROVIDER
    PROVIDER_METADATA = "provider_metadata", 502, _PROVIDER
    CLIENT_REFUSED = "client_refused", 502, _PROVIDER


_CODES = {401: "UNAUTHENTICATED", 403: "FORBIDDEN", 502: "PROVIDER_FAILED"}


class SignInRefused(Refusal):
    """A sign-in that ends here. `about` is what the audit log names as the target.

    Not `recorded` by `identity.writing`: its denial is recorded with the attempt it ends, once, by
    `attempts.ended_by_refusal`, so that nobody without a live attempt can fill the log.
    """

    def __init__(
        self, reason: Reason, detail: str | None = None, *, about: AuditTarget | None = None
    ) -> None:
        super().__init__(reason.sentence, reason=reason.value)
        self.code = _CODES[reason.status]
        self.status = reason.status
        self.reason = reason
        self.detail = detail
        self.about = about

    @property
    def reason_code(self) -> str:
        return self.reason.value
