"""Refusals of access. Every code has its page in docs/problems/."""

from __future__ import annotations

from mes.kernel.errors import BadRequest, Conflict, Forbidden, NotFound, TooMany, Unauthenticated, Unprocessable


class NotSignedIn(Unauthenticated):
    """Nothing was presented."""

    code = "not-signed-in"
    title = "Sign in first"
    next_step = "Sign in on this screen, or send a token as 'Authorization: Bearer …'."


class CredentialUnknown(Unauthenticated):
    """Malformed, never issued, or issued by a database this server does not have."""

    code = "credential-unknown"
    title = "Token or session not known"
    next_step = "Sign in again, or ask an administrator for a new token."


class WrongPlant(Unauthenticated):
    code = "wrong-plant"
    title = "This token or session belongs to another plant"
    next_step = "Use the address of your plant, or a token that was made in this one."


class TokenRevoked(Unauthenticated):
    code = "token-revoked"
    title = "This token was revoked"
    next_step = "Ask an administrator for a new token."


class TokenExpired(Unauthenticated):
    code = "token-expired"
    title = "This token has expired"
    next_step = "Ask an administrator for a new token."


class SessionOver(Unauthenticated):
    """Signed out, idle too long, or older than a shift."""

    code = "session-over"
    title = "You are signed out"
    next_step = "Sign in again; nothing you recorded is lost."


class PrincipalDisabled(Unauthenticated):
    code = "principal-disabled"
    title = "This account is disabled"
    next_step = "Ask an administrator to enable it."


class PermissionMissing(Forbidden):
    code = "permission-missing"
    title = "Your role does not allow this"
    next_step = "Ask somebody with the right role, or an administrator to change yours."


class SignInFailed(Unauthenticated):
    """Wrong PIN, no PIN, nobody of that name: one answer for all."""

    code = "sign-in-failed"
    title = "Name and PIN do not match"
    next_step = "Try again; after a few failures there is a waiting time that grows."


class SignInLocked(TooMany):
    """Too many failures for this person or from this device. `retry_after_s` says how long."""

    code = "sign-in-locked"
    title = "Too many wrong PINs"
    next_step = "Wait until the time is over, or ask an administrator to set a new PIN."


class PinUnacceptable(Unprocessable):
    code = "pin-unacceptable"
    title = "Choose another PIN"
    next_step = "Use 4 to 6 digits that are no row (1234), no repetition (1111, 1212) and no keypad line (2580)."


class PasswordUnacceptable(Unprocessable):
    code = "password-unacceptable"
    title = "Choose another password"
    next_step = "Use 15 to 64 characters, a few words for example; they may be of any kind."


class PinNotForMachines(Unprocessable):
    code = "pin-not-for-machines"
    title = "Only persons have a PIN"
    next_step = "Give a bridge or an integration a token."


class PrincipalNotFound(NotFound):
    code = "principal-not-found"
    title = "No such principal"
    next_step = "List the principals and check the id."


class PrincipalExists(Conflict):
    code = "principal-exists"
    title = "This id is taken"
    next_step = "Choose another id, or change the principal that has it."


class RoleKindMismatch(Unprocessable):
    code = "role-kind-mismatch"
    title = "This role is for another kind of principal"
    next_step = "Persons are operator, supervisor, engineer or administrator; make a new principal for a machine."


class PlacedRolesInvalid(Unprocessable):
    code = "placed-roles-invalid"
    title = "These roles cannot be given at these places"
    next_step = "Give operator, supervisor or engineer to a person, at ids of equipment."


class LoginNameInvalid(Unprocessable):
    code = "login-name-invalid"
    title = "This login name cannot be used"
    next_step = "Give the name the identity provider has for this person: at most 200 characters, nobody else's here."


class LastAdministrator(Conflict):
    code = "last-administrator"
    title = "This is the last administrator"
    next_step = "Make somebody else administrator first."


class TokenNotFound(NotFound):
    code = "token-not-found"
    title = "No such token"
    next_step = "List the tokens and check the id."


class BadgesNotUsed(Conflict):
    code = "badges-not-used"
    title = "This plant does not sign in with badges"
    next_step = "Sign in with name and PIN, or ask an administrator to allow badges."


class BadgeUnacceptable(Unprocessable):
    code = "badge-unacceptable"
    title = "This cannot be a badge"
    next_step = "Scan the badge again: what is read must have 4 to 64 characters, none of them a control character."


class BadgeTaken(Conflict):
    code = "badge-taken"
    title = "Somebody has this badge already"
    next_step = "Take it away from whoever has it first, or give another one."


class BadgeNotFound(NotFound):
    code = "badge-not-found"
    title = "No such badge"
    next_step = "List the badges and check the number."


class SecondFactorNeeded(Forbidden):
    """The plant wants one of this role, and it has not been set up."""

    code = "second-factor-needed"
    title = "Set up your second factor first"
    next_step = "Open My sign-ins and set up an authenticator app."


class SecondFactorExists(Conflict):
    code = "second-factor-exists"
    title = "A second factor is set up already"
    next_step = "Remove it with one of its codes first, or have an administrator remove it."


class SecondFactorNotFound(NotFound):
    code = "second-factor-not-found"
    title = "No second factor is being set up or in use"
    next_step = "Open My sign-ins and begin again."


class CodeWrong(Unprocessable):
    code = "code-wrong"
    title = "This code is not right, or was used before"
    next_step = "Wait for the next code of the app and type that. Check that the telephone sets its clock by itself."


class TokenScopeInvalid(Unprocessable):
    """The principal's role does not have all that the token is to be limited to, or nothing is named."""

    code = "token-scope-invalid"
    title = "A token cannot be limited to this"
    next_step = "Name at least one permission, and only those that the principal's role has."


class TokenExpiryInvalid(Unprocessable):
    code = "token-expiry-invalid"
    title = "The token would be expired before it is used"
    next_step = "Give an instant in the future, or none."


class SessionNotFound(NotFound):
    """Never opened, or somebody else's."""

    code = "session-not-found"
    title = "No such session"
    next_step = "List the sessions and check the number."


class IdInvalid(Unprocessable):
    code = "id-invalid"
    title = "This id cannot be used"
    next_step = "Use 1 to 100 letters, digits, '.', '_', ':' or '-', beginning with a letter or digit."


class VersionMissing(BadRequest):
    """An update must say which version it was made from."""

    code = "version-missing"
    title = "The update does not say which version it changes"
    next_step = "Send the version you read, as If-Match or as 'version' in the body."


class FieldsUnknown(Unprocessable):
    """`fields` names what the answer does not have."""

    code = "fields-unknown"
    title = "The answer has no such field"
    next_step = "Name fields of the answer, or of the items of a list, separated by commas."


class DryRunUnclear(Unprocessable):
    code = "dry-run-unclear"
    title = "dry_run is true or false"
    next_step = "Send dry_run=true to try a request without effect, or leave it out."


class BulkRowRepeated(Unprocessable):
    code = "bulk-row-repeated"
    title = "Two rows have the same id"
    next_step = "Send each id once; nothing was taken."


class SignatureNeeded(Forbidden):
    """The plant wants this act signed. `act` and `act_sha256` say what is to be signed."""

    code = "signature-needed"
    title = "This has to be signed"
    next_step = "Sign it with your PIN or password and what you mean by it; a program: POST /api/v1/signatures first."


class SignatureNotGood(Forbidden):
    code = "signature-not-good"
    title = "This signature is not of this act"
    next_step = "Sign again: a signature is good for one act, by the person who signed, within five minutes."


class SingleSignOnOff(Conflict):
    code = "single-sign-on-off"
    title = "This plant has no single sign-on"
    next_step = "Sign in with name and PIN or password, or ask an administrator to name an identity provider."


class SingleSignOnFailed(Unauthenticated):
    """What the browser came back with is not good: late, of another attempt, refused there, or wrongly signed."""

    code = "single-sign-on-failed"
    title = "Signing in elsewhere did not work"
    next_step = "Begin again from the sign-in page. If it stays so, tell an administrator what is said here."


class SingleSignOnRefused(Forbidden):
    """The provider knows them; this plant does not let them in."""

    code = "single-sign-on-refused"
    title = "You are known there, but not let in here"
    next_step = "Ask an administrator of this plant to give you access."


class IdentityProviderInvalid(Unprocessable):
    code = "identity-provider-invalid"
    title = "This cannot be an identity provider"
    next_step = "Correct what is named, or look at how the provider describes itself."
