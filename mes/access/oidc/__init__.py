"""Single sign-on at desks by OpenID Connect: the identity provider says who it is, the plant what they may."""
