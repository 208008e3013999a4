// Arrays: quicksort and heap sort of integers.
static class Sort
{
    const int Count = 100000;

    static void Quick(int[] a, int low, int high)
    {
        while (low < high)
        {
            int pivot = a[low + (high - low) / 2];
            int i = low, j = high;
            while (i <= j)
            {
                while (a[i] < pivot) i++;
                while (a[j] > pivot) j--;
                if (i > j) break;
                int t = a[i];
                a[i++] = a[j];
                a[j--] = t;
            }
            Quick(a, low, j);
            low = i;
        }
    }

    static void Sink(int[] a, int root, int count)
    {
        int x = a[root];
        for (int child = 2 * root + 1; child < count; child = 2 * root + 1)
        {
            if (child + 1 < count && a[child + 1] > a[child]) child++;
            if (x >= a[child]) break;
            a[root] = a[child];
            root = child;
        }
        a[root] = x;
    }

    static void Heap(int[] a)
    {
        for (int i = a.Length / 2 - 1; i >= 0; i--) Sink(a, i, a.Length);
        for (int i = a.Length - 1; i > 0; i--)
        {
            int t = a[0];
            a[0] = a[i];
            a[i] = t;
            Sink(a, 0, i);
        }
    }

    static int[] Random(uint seed)
    {
        Dice dice = new Dice(seed);
        int[] a = new int[Count];
        for (int i = 0; i < a.Length; i++) a[i] = dice.Below(1000000);
        return a;
    }

    static long Sum(int[] a)
    {
        long sum = 0;
        for (int i = 0; i < a.Length; i++) sum = sum * 31 + a[i];
        return sum;
    }

    static long Work()
    {
        int[] a = Random(17), b = Random(17);
        Quick(a, 0, a.Length - 1);
        Heap(b);
        return Sum(a) == Sum(b) ? Sum(a) : -1;
    }

    static int Main() { return Bench.Run("sort", Work); }
}
