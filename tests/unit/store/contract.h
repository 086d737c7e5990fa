/* contract.h - the parts of the contract's suite: test_contract.c. */
#ifndef TESTS_STORE_CONTRACT_H
#define TESTS_STORE_CONTRACT_H

#include "fixture.h"

extern const struct CMUnitTest contract_reads[], contract_changes[], contract_siblings[],
	contract_forget[], contract_blocks[];
/* For stores that outlive a reopen. */
extern const struct CMUnitTest contract_reopening[];
extern const size_t n_contract_reads, n_contract_changes, n_contract_siblings,
	n_contract_forget, n_contract_blocks, n_contract_reopening;

#endif
