"""A small telephone exchange to try the product on.

A private Asterisk, customers, a carrier and desk phones played by SIPp over real SIP, with real RTP; stories that are
played on them; and the comparison of what really happened (the phones' own traces) with what the CRM holds.
"""
