"""``automation-engine automations …``: what a person does with automations, over gRPC."""
