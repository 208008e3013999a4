// Carries and 64-bit products: long multiplication and division by hand, a factorial and its digits.
static class BigNum
{
    static int Multiply(uint[] number, int length, uint by)
    {
        ulong carry = 0;
        for (int i = 0; i < length; i++)
        {
            ulong product = (ulong)number[i] * by + carry;
            number[i] = (uint)product;
            carry = product >> 32;
        }
        if (carry != 0) number[length++] = (uint)carry;
        return length;
    }

    static uint Divide(uint[] number, ref int length, uint by)
    {
        ulong rest = 0;
        for (int i = length - 1; i >= 0; i--)
        {
            ulong part = rest << 32 | number[i];
            number[i] = (uint)(part / by);
            rest = part % by;
        }
        while (length > 0 && number[length - 1] == 0) length--;
        return (uint)rest;
    }

    static long Work()
    {
        uint[] number = new uint[1200];
        number[0] = 1;
        int length = 1;
        for (uint n = 2; n <= 3000; n++) length = Multiply(number, length, n);
        long sum = 0;
        while (length > 0) sum = sum * 7 + Divide(number, ref length, 1000000000);
        return sum;
    }

    static int Main() { return Bench.Run("bignum", Work); }
}
